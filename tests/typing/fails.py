"""Calls that a type checker must refuse, each for the reason beside it. It is checked, never run."""

from __future__ import annotations

from inference_providers import (
    Answer,
    AsyncProviderList,
    MetaInferenceEngine,
    ProviderList,
    ask_ai,
    batch,
    generate_response,
    stream,
)


class Place:
    city: str


providers, several = ProviderList(), AsyncProviderList()

ask_ai("hi", temprature=0.1)  # error: call-overload
ask_ai("hi", max_tokens="many")  # error: call-overload
ask_ai("hi", model=4)  # error: call-overload
ask_ai(4)  # error: call-overload
ask_ai("hi", tiemout=3)  # error: call-overload
ask_ai("hi", on_unsupported="eror")  # error: call-overload
ask_ai("hi", schema="{}")  # error: call-overload
ask_ai("hi", images=4)  # error: call-overload
ask_ai("hi", temperature="hot")  # error: call-overload
ask_ai("hi", on_unsupported="explode")  # error: call-overload
ask_ai("hi", avoid=4)  # error: call-overload
ask_ai("hi", only=[4])  # error: list-item
ask_ai("hi", api_key=4)  # error: call-overload
ask_ai("hi", api_bse="https://example.com")  # error: call-overload
ask_ai("hi", stream="yes")  # error: call-overload
assert ask_ai("hi", schema=Place).parsed.county  # error: attr-defined
ask_ai("hi", tools=["weather"])  # error: list-item
ask_ai("hi", stop=1)  # error: call-overload
ask_ai("hi", concurrency=4)  # error: call-overload
ask_ai("hi", stream=True, schema={})  # error: call-overload
ask_ai("hi", stream=True, tools=[print])  # error: call-overload
stream("hi", temprature=0.1)  # error: call-arg
stream("hi", schema={})  # error: call-arg
stream("hi", seed="one")  # error: arg-type
batch(["x"], concurency=4)  # error: call-arg
batch(["x"], concurrency="most")  # error: arg-type
batch(["x"], on_error="ignore")  # error: arg-type
batch(["x"], mode="provder")  # error: arg-type
batch(["x"], csv_formulas="drop")  # error: arg-type
batch(["x"], out=4)  # error: arg-type
batch(4)  # error: arg-type
batch([4])  # error: list-item
providers.ask_ai("hi", shema={})  # error: call-overload
providers.ask_ai("hi", top_k=0.5)  # error: call-overload
providers.stream("hi", max_token=5)  # error: call-arg
providers.batch(["x"], requests_per_minut=4)  # error: call-arg
providers.batch(["x"], max_tokens="many")  # error: arg-type
providers.client("a", tiemout=3)  # error: call-arg
providers.client("a", timeout="soon")  # error: arg-type
providers.client("a", hedge_after="p99")  # error: arg-type
providers.client("a", avoids=["CN"])  # error: call-arg
providers.connect_to_model("gpt-4", api_keys="k")  # error: call-arg
assert providers.connect_to_model("gpt-4")[0].chats  # error: attr-defined
providers.connect_to_model("gpt-4", tset=True)  # error: call-arg
providers.connect_to_model(4)  # error: arg-type
providers.connect_to_ai(provider="openai")  # error: call-arg
providers.connect_to_first_available_model(4)  # error: arg-type
providers.get_response(providers.client(), "m", "hi", temprature=1)  # error: call-arg
providers.get_response(several.client(), "m", "hi")  # error: arg-type
assert providers.ask_ai("hi").provder  # error: attr-defined
Answer("hi", provider=4)  # error: arg-type
Answer("hi", porvider="p")  # error: call-arg
ProviderList(verbos=True)  # error: call-arg
ProviderList(local="lunch")  # error: arg-type
ProviderList(hedge_after="p99")  # error: arg-type
ProviderList(avoid=4)  # error: arg-type
MetaInferenceEngine(temprature=0.1)  # error: call-arg
MetaInferenceEngine().infer([], "gpt-4o", max_token=4)  # error: call-arg
generate_response("gpt-4", "hi", temprature=0.1)  # error: call-arg

offer = providers.find_model_providers("gpt-4")[0]
offer.endpoint = "https://elsewhere.example"  # error: misc
offer.endpiont.strip()  # error: attr-defined


async def with_asyncio() -> None:
    await several.ask_ai("hi", temprature=0.1)  # error: call-overload
    await several.ask_ai("hi", stream=True, schema={})  # error: call-overload
    several.stream("hi", schema={})  # error: call-arg
    several.stream("hi", max_steps=3)  # error: call-arg
    several.batch(["x"], concurency=4)  # error: call-arg
    several.client("a", tiemout=3)  # error: call-arg
    several.client("a", hedge_after="p99")  # error: arg-type
    assert (await several.connect_to_model("gpt-4")).client.chats  # error: attr-defined
    await several.connect_to_model("gpt-4", tset=True)  # error: call-arg
    await several.get_response(providers.client(), "m", "hi")  # error: arg-type
