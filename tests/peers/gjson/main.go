// Command gjson answers requests for parts of JSON documents with tidwall's gjson, as External Secrets calls it. It reads
// one JSON request a line and writes one JSON answer a line.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/tidwall/gjson"
)

type request struct {
	JSON []byte `json:"json"`
	Path string `json:"path"`
}

type answer struct {
	Exists bool   `json:"exists"`
	Raw    []byte `json:"raw"`
	Text   []byte `json:"text"`
	// Panic is what gjson gave up with, if it did.
	Panic bool `json:"panic,omitempty"`
}

func look(asked request) (given answer) {
	defer func() {
		if recover() != nil {
			given = answer{Panic: true}
		}
	}()
	found := gjson.GetBytes(asked.JSON, asked.Path)
	return answer{Exists: found.Exists(), Raw: []byte(found.Raw), Text: []byte(found.String())}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	decoder := json.NewDecoder(in)
	for {
		var asked request
		if err := decoder.Decode(&asked); err != nil {
			return
		}
		if err := encoder.Encode(look(asked)); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
