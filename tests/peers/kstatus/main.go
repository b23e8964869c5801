// Command kstatus judges objects as Flux and Helm do, one verdict a line.
// It reads a JSON array of objects from its standard input. A verdict is a status and, after a tab, its message as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	var objects []map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		fail("read the objects", err)
	}
	for _, object := range objects {
		// The library wants whole numbers as such, which only its own decoder gives.
		text, _ := json.Marshal(object)
		var read unstructured.Unstructured
		if err := read.UnmarshalJSON(text); err != nil {
			fail("read an object", err)
		}
		verdict, err := status.Compute(&read)
		if err != nil {
			fail("judge", err)
		}
		quoted, _ := json.Marshal(verdict.Message)
		fmt.Printf("%s\t%s\n", verdict.Status, quoted)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "cannot %s: %v\n", what, err)
	os.Exit(1)
}
