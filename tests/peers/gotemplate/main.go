// Command gotemplate answers rendering requests with Go's text/template and sprig, as the Sealed Secrets controller
// calls them. It reads one JSON request a line and writes one JSON answer a line. With -functions it writes the names
// of all functions instead, one a line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/template"
	_ "time/tzdata"

	"github.com/Masterminds/sprig/v3"
)

type request struct {
	Name       string            `json:"name"`
	Template   []byte            `json:"template"`
	Values     map[string][]byte `json:"values"`
	MissingKey string            `json:"missingkey"`
}

type answer struct {
	Output []byte `json:"output"`
	Error  string `json:"error,omitempty"`
	// Why is for people who look into a difference; no test compares it.
	Why string `json:"why,omitempty"`
}

func functions() template.FuncMap {
	functions := template.FuncMap(sprig.GenericFuncMap())
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	return functions
}

func render(functions template.FuncMap, asked request) (given answer) {
	stage := "parse"
	defer func() {
		if reason := recover(); reason != nil {
			given = answer{Error: stage, Why: fmt.Sprint(reason)}
		}
	}()
	tmpl := template.New(asked.Name).Funcs(functions)
	if asked.MissingKey != "" {
		tmpl = tmpl.Option("missingkey=" + asked.MissingKey)
	}
	tmpl, err := tmpl.Parse(string(asked.Template))
	if err != nil {
		return answer{Error: stage, Why: err.Error()}
	}
	stage = "exec"
	data := make(map[string]string, len(asked.Values))
	for key, value := range asked.Values {
		data[key] = string(value)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, data); err != nil {
		return answer{Error: stage, Why: err.Error()}
	}
	return answer{Output: out.Bytes()}
}

func main() {
	functions := functions()
	if len(os.Args) > 1 && os.Args[1] == "-functions" {
		for _, name := range slices.Sorted(maps.Keys(functions)) {
			fmt.Println(name)
		}
		return
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	decoder := json.NewDecoder(in)
	for {
		var asked request
		if err := decoder.Decode(&asked); err != nil {
			return
		}
		if err := encoder.Encode(render(functions, asked)); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
