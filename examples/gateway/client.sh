#!/bin/sh
# Ask the gateway by curl.
#
#   inference-providers serve &
#   INFERENCE_PROVIDERS_TOKEN=... sh client.sh "Tell me a story." [MODEL]
set -eu
gateway=${INFERENCE_PROVIDERS_GATEWAY:-http://127.0.0.1:8484}

# The question as a text of JSON: backslashes and quotes escaped, on one line.
question=$(printf %s "${1:-Hello}" | tr '\n\t' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')

curl --silent --show-error --fail-with-body "$gateway/v1/chat/completions" \
  --header "Authorization: Bearer $INFERENCE_PROVIDERS_TOKEN" \
  --header "Content-Type: application/json" \
  --data "{\"model\": \"${2:-auto}\", \"messages\": [{\"role\": \"user\", \"content\": \"$question\"}]}"
echo
