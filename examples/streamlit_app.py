"""A chat in the browser, with answers that appear as they come.

pip install streamlit
streamlit run streamlit_app.py
"""

from __future__ import annotations

import streamlit as st

from inference_providers import InferenceProvidersError, ProviderList


@st.cache_resource
def models() -> ProviderList:
    """One list for all sessions."""
    return ProviderList()


st.title("Chat")
model = st.sidebar.text_input("Model", "auto", help="auto, auto:small, gpt-4o, llama-3.3-70b:cheapest, ...")
turns: list[dict[str, str]] = st.session_state.setdefault("turns", [])

for turn in turns:
    st.chat_message(turn["role"]).markdown(turn["content"])

if question := st.chat_input("Ask something"):
    st.chat_message("user").markdown(question)
    turns.append({"role": "user", "content": question})
    with st.chat_message("assistant"):
        try:
            stream = models().stream(turns, model, max_tokens=1000, timeout=120)
            text = st.write_stream(stream)
        except InferenceProvidersError as error:
            turns.pop()  # so that it can be asked again
            st.error(str(error))
        else:
            turns.append({"role": "assistant", "content": str(text)})
            st.caption(f"{stream.model} at {stream.provider}")
