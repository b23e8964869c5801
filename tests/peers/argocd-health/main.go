// Command argocd-health judges objects as Argo CD does: by the Lua that its release embeds, one verdict a line.
// It reads a JSON array of objects from its standard input. A verdict is a status and, after a tab, its message as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/argoproj/argo-cd/v3/resource_customizations"
	lua "github.com/yuin/gopher-lua"
)

func main() {
	var objects []map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		fail("read the objects", err)
	}
	for _, object := range objects {
		status, message, err := judge(object)
		if err != nil {
			fail("judge", err)
		}
		quoted, _ := json.Marshal(message)
		fmt.Printf("%s\t%s\n", status, quoted)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "cannot %s: %v\n", what, err)
	os.Exit(1)
}

// judge runs the health check of the object's kind, with the libraries that Argo CD leaves to it.
func judge(object map[string]any) (status, message string, err error) {
	version, _ := object["apiVersion"].(string)
	group, _, _ := strings.Cut(version, "/")
	path := fmt.Sprintf("%s/%s/health.lua", group, object["kind"])
	script, err := fs.ReadFile(resource_customizations.Embedded, path)
	if err != nil {
		return "", "", err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase,
		lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString, lua.MathLibName: lua.OpenMath} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(string(script)); err != nil {
		return "", "", err
	}
	verdict, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("%s gives %s", path, state.Get(-1).Type())
	}
	text := func(name string) string {
		if found, ok := verdict.RawGetString(name).(lua.LString); ok {
			return string(found)
		}
		return ""
	}
	return text("status"), text("message"), nil
}

// value turns decoded JSON into what Lua sees.
func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		table := state.NewTable()
		for _, item := range from {
			table.Append(value(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for name, item := range from {
			table.RawSetString(name, value(state, item))
		}
		return table
	}
	return lua.LNil
}
