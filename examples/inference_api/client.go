// A client of the inference API; nothing but the standard library is needed.
//
//	INFERENCE_PROVIDERS_TOKEN=... go run client.go "Explain Go programming" [MODEL]
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// InferenceRequest is what is asked; More has further fields.
type InferenceRequest struct {
	Model     string
	Messages  []Message
	MaxTokens int
	More      map[string]any
}

// Inference is a reply.
type Inference struct {
	ID       string `json:"id"`
	Model    string `json:"model"`
	Provider string `json:"provider"`
	Choices  []struct {
		Message      Message `json:"message"`
		Delta        Message `json:"delta"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	} `json:"usage"`
	Cost *struct {
		Amount   *float64 `json:"amount"`
		Currency string   `json:"currency"`
	} `json:"cost"`
	Error   *InferenceError `json:"error"`
	Content string          `json:"-"`
}

// InferenceError is what the gateway says went wrong.
type InferenceError struct {
	Status  int            `json:"-"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

func (e *InferenceError) Error() string { return e.Code + ": " + e.Message }

// Client asks one gateway.
type Client struct{ url, token string }

// NewClient asks the gateway that INFERENCE_PROVIDERS_GATEWAY names, else the one on this machine.
func NewClient(token string) *Client {
	address := os.Getenv("INFERENCE_PROVIDERS_GATEWAY")
	if address == "" {
		address = "http://127.0.0.1:8484"
	}
	address = strings.TrimRight(address, "/")
	address = strings.TrimSuffix(strings.TrimSuffix(address, "/inference"), "/v1")
	return &Client{url: address + "/v1/inference", token: token}
}

func (c *Client) send(ctx context.Context, path string, request *InferenceRequest) (*http.Response, error) {
	body := map[string]any{"model": request.Model, "messages": request.Messages}
	if request.MaxTokens > 0 {
		body["max_tokens"] = request.MaxTokens
	}
	for name, value := range request.More {
		body[name] = value
	}
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	sent, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	sent.Header.Set("Authorization", "Bearer "+c.token)
	sent.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(sent)
	if err != nil || response.StatusCode < 400 {
		return response, err
	}
	defer response.Body.Close()
	told := Inference{}
	if json.NewDecoder(response.Body).Decode(&told) != nil || told.Error == nil {
		return nil, &InferenceError{Status: response.StatusCode, Code: "unknown", Message: response.Status}
	}
	told.Error.Status = response.StatusCode
	return nil, told.Error
}

// Create asks for a whole reply.
func (c *Client) Create(ctx context.Context, request *InferenceRequest) (*Inference, error) {
	response, err := c.send(ctx, "", request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	reply := &Inference{}
	if err := json.NewDecoder(response.Body).Decode(reply); err != nil {
		return nil, err
	}
	if len(reply.Choices) > 0 {
		reply.Content = reply.Choices[0].Message.Content
	}
	return reply, nil
}

// Stream has each piece of a reply handed to a function as it comes.
func (c *Client) Stream(ctx context.Context, request *InferenceRequest, each func(*Inference) error) error {
	response, err := c.send(ctx, "/stream", request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	reader := bufio.NewReader(response.Body)
	for {
		line, err := reader.ReadString('\n')
		isData := strings.HasPrefix(line, "data: ")
		data := strings.TrimSpace(strings.TrimPrefix(line, "data: "))
		if isData && data == "[DONE]" {
			return nil
		}
		if isData {
			chunk := &Inference{}
			if err := json.Unmarshal([]byte(data), chunk); err != nil {
				return err
			}
			if chunk.Error != nil {
				return chunk.Error
			}
			if len(chunk.Choices) > 0 {
				chunk.Content = chunk.Choices[0].Delta.Content
			}
			if err := each(chunk); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return &InferenceError{Code: "stream_broken", Message: "The stream ended early."}
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	question, model := "Explain Go programming", "auto"
	if len(os.Args) > 1 {
		question = os.Args[1]
	}
	if len(os.Args) > 2 {
		model = os.Args[2]
	}
	client := NewClient(os.Getenv("INFERENCE_PROVIDERS_TOKEN"))
	request := &InferenceRequest{Model: model, Messages: []Message{{Role: "user", Content: question}}}
	err := client.Stream(context.Background(), request, func(chunk *Inference) error {
		_, err := fmt.Print(chunk.Content)
		return err
	})
	if err == nil {
		var reply *Inference
		if reply, err = client.Create(context.Background(), request); err == nil {
			fmt.Printf("\n%s by %s: %s\n", reply.Model, reply.Provider, reply.Content)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
