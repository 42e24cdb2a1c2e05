// Ask the gateway from Go, and print the answer as it comes; nothing but the standard library is needed.
//
//	inference-providers serve &
//	INFERENCE_PROVIDERS_TOKEN=... go run client.go "Tell me a story." [MODEL]
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type request struct {
	Model    string    `json:"model"`
	Stream   bool      `json:"stream"`
	Messages []message `json:"messages"`
}

type chunk struct {
	Choices []struct {
		Delta message `json:"delta"`
	} `json:"choices"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// ask prints the answer to a question as it comes.
func ask(gateway, token, model, question string, out io.Writer) error {
	body, err := json.Marshal(request{model, true, []message{{"user", question}}})
	if err != nil {
		return err
	}
	call, err := http.NewRequest("POST", gateway+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	call.Header.Set("Authorization", "Bearer "+token)
	call.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var told chunk
		if err := json.NewDecoder(response.Body).Decode(&told); err != nil || told.Error == nil {
			return fmt.Errorf("%s", response.Status)
		}
		return fmt.Errorf("%s: %s", response.Status, told.Error.Message)
	}
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the answer broke off: %w", err)
		}
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "data: ") {
			continue
		}
		data := strings.TrimPrefix(line, "data: ")
		if data == "[DONE]" {
			return nil
		}
		var part chunk
		if err := json.Unmarshal([]byte(data), &part); err != nil {
			return err
		}
		if part.Error != nil {
			return fmt.Errorf("%s", part.Error.Message)
		}
		for _, choice := range part.Choices {
			fmt.Fprint(out, choice.Delta.Content)
		}
	}
}

func argument(place int, otherwise string) string {
	if len(os.Args) > place {
		return os.Args[place]
	}
	return otherwise
}

func main() {
	gateway := os.Getenv("INFERENCE_PROVIDERS_GATEWAY")
	if gateway == "" {
		gateway = "http://127.0.0.1:8484"
	}
	err := ask(gateway, os.Getenv("INFERENCE_PROVIDERS_TOKEN"), argument(2, "auto"), argument(1, "Hello"), os.Stdout)
	fmt.Println()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
