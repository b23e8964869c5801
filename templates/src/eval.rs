//! Walks over the nodes of a template and writes its output.
//!
//! *Source*: the documentation of Go's `text/template`; the behaviour is that of Go 1.26.

mod call;

use crate::error::Fault;
use crate::function::Scope;
use crate::limits::Buffer;
use crate::node::{Branch, Node, NodeKind, Pipeline, Trees};
use crate::print;
use crate::template::MissingKey;
use crate::value::{Text, Value};

type Step<T = ()> = Result<T, Fault>;

/// The state of one rendering.
pub(crate) struct Evaluator<'t> {
    trees: &'t Trees,
    scope: &'t Scope<'t>,
    missing_key: MissingKey,
    variables: Vec<(Text, Value)>,
    output: Buffer<'t>,
    position: usize,
}

/// How a list of nodes was left.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl<'t> Evaluator<'t> {
    pub(crate) fn new(trees: &'t Trees, scope: &'t Scope<'t>, missing_key: MissingKey) -> Self {
        Self { trees, scope, missing_key, variables: Vec::new(), output: scope.buffer(), position: 0 }
    }

    /// Renders the nodes; the output leaves the evaluator.
    pub(crate) fn render(&mut self, nodes: &[Node], data: Value) -> Step<Vec<u8>> {
        self.variables = vec![(Text::from("$"), data.clone())];
        self.walk_all(&data, nodes)?;
        Ok(std::mem::replace(&mut self.output, self.scope.buffer()).into_bytes())
    }

    /// The place of the template that was looked at last.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    fn walk_all(&mut self, dot: &Value, nodes: &[Node]) -> Step<Flow> {
        let _level = self.scope.meter.enter()?;
        for node in nodes {
            self.scope.meter.step(1)?;
            let flow = self.walk(dot, node)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn walk(&mut self, dot: &Value, node: &Node) -> Step<Flow> {
        self.position = node.position;
        match &node.kind {
            NodeKind::Text(text) => self.write(text)?,
            NodeKind::Action(pipeline) => {
                let value = self.pipeline(dot, pipeline)?;
                if pipeline.variables.is_empty() {
                    self.position = node.position;
                    self.print(&value)?;
                }
            }
            NodeKind::If(branch) => return self.walk_condition(dot, branch, false),
            NodeKind::With(branch) => return self.walk_condition(dot, branch, true),
            NodeKind::Range(branch) => return self.walk_range(dot, branch),
            NodeKind::Template { name, pipeline } => self.walk_template(dot, name, pipeline.as_ref())?,
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn write(&mut self, text: &[u8]) -> Step {
        self.output.push(text)?;
        self.check_output()
    }

    fn print(&mut self, value: &Value) -> Step {
        match value {
            Value::Invalid => self.output.push(b"<no value>")?,
            value => print::print_all(&mut self.output, std::slice::from_ref(value))?,
        }
        self.check_output()
    }

    fn check_output(&self) -> Step {
        let too_long = self.output.len() > self.scope.meter.output_limit();
        if too_long { Err(Fault::limit("the output is longer than the limit allows")) } else { Ok(()) }
    }

    fn walk_condition(&mut self, dot: &Value, branch: &Branch, moves_dot: bool) -> Step<Flow> {
        let known = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline)?;
        let flow = if value.is_true() {
            self.walk_all(if moves_dot { &value } else { dot }, &branch.body)?
        } else {
            match &branch.otherwise {
                Some(otherwise) => self.walk_all(dot, otherwise)?,
                None => Flow::On,
            }
        };
        self.variables.truncate(known);
        Ok(flow)
    }

    fn walk_range(&mut self, dot: &Value, branch: &Branch) -> Step<Flow> {
        let known = self.variables.len();
        let over = self.pipeline(dot, &branch.pipeline)?;
        let flow = self.rounds(dot, branch, &over)?;
        self.variables.truncate(known);
        Ok(flow)
    }

    fn rounds(&mut self, dot: &Value, branch: &Branch, over: &Value) -> Step<Flow> {
        let count = match over {
            Value::Invalid | Value::Nil => 0,
            Value::Int(..) | Value::Uint(..) if branch.pipeline.variables.len() > 1 => {
                return Err(Fault::exec("a number gives only one variable to range over"));
            }
            Value::Int(number, _) => u64::try_from(*number).unwrap_or(0),
            Value::Uint(number, _) => *number,
            Value::List(list) => list.len() as u64,
            Value::Map(map) => map.len() as u64,
            other => return Err(Fault::exec(format!("range cannot iterate over {}", other.type_name()))),
        };
        if count == 0 {
            return match &branch.otherwise {
                Some(otherwise) => self.walk_all(dot, otherwise),
                None => Ok(Flow::On),
            };
        }
        let pairs = if let Value::Map(map) = over { map.pairs() } else { Vec::new() };
        self.scope.reserve(pairs.len())?;
        for round in 0..count {
            self.scope.meter.step(1)?;
            let at = usize::try_from(round).unwrap_or(usize::MAX);
            let (index, element) = match over {
                Value::Int(_, sort) => (Value::Invalid, Value::Int(round as i64, *sort)),
                Value::Uint(_, sort) => (Value::Invalid, Value::Uint(round, *sort)),
                Value::List(list) => (Value::int(round as i64), list.item(at).unwrap_or(Value::Nil)),
                _ => match pairs.get(at) {
                    Some((key, element)) => (Value::Text(key.clone()), element.clone()),
                    None => break,
                },
            };
            if self.round(branch, index, element)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn round(&mut self, branch: &Branch, index: Value, element: Value) -> Step<Flow> {
        let known = self.variables.len();
        let Pipeline { variables, assigns, .. } = &branch.pipeline;
        match variables.as_slice() {
            [] => {}
            [one] if *assigns => self.assign(one, element.clone())?,
            [first, second, ..] if *assigns => {
                self.assign(first, index)?;
                self.assign(second, element.clone())?;
            }
            [_] => self.set_from_top(1, element.clone()),
            [_, _, ..] => {
                self.set_from_top(1, element.clone());
                self.set_from_top(2, index);
            }
        }
        let flow = self.walk_all(&element, &branch.body)?;
        self.variables.truncate(known);
        Ok(flow)
    }

    fn set_from_top(&mut self, depth: usize, value: Value) {
        let place = self.variables.len().checked_sub(depth);
        if let Some(variable) = place.and_then(|place| self.variables.get_mut(place)) {
            variable.1 = value;
        }
    }

    fn walk_template(&mut self, dot: &Value, name: &Text, pipeline: Option<&Pipeline>) -> Step {
        let trees = self.trees;
        let nodes = trees.get(name).ok_or_else(|| Fault::exec(format!("template {:?} is not defined", String::from_utf8_lossy(name))))?;
        let dot = match pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::Invalid,
        };
        let outside = std::mem::replace(&mut self.variables, vec![(Text::from("$"), dot.clone())]);
        self.walk_all(&dot, nodes)?;
        self.variables = outside;
        Ok(())
    }

    fn assign(&mut self, name: &Text, value: Value) -> Step {
        let variable = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        variable.ok_or(Fault::exec("undefined variable"))?.1 = value;
        Ok(())
    }

    fn variable(&self, name: &Text) -> Step<Value> {
        let variable = self.variables.iter().rev().find(|(known, _)| known == name);
        variable.map(|(_, value)| value.clone()).ok_or(Fault::exec("undefined variable"))
    }

    fn pipeline(&mut self, dot: &Value, pipeline: &Pipeline) -> Step<Value> {
        let _level = self.scope.meter.enter()?;
        self.position = pipeline.position;
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(dot, command, value)?.unwrap_interface());
        }
        let value = value.unwrap_or(Value::Invalid);
        for variable in &pipeline.variables {
            if pipeline.assigns {
                self.assign(variable, value.clone())?;
            } else {
                self.variables.push((variable.clone(), value.clone()));
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use keys::SecretBytes;

    use crate::{Context, Error, Template};

    fn render(source: &str) -> Result<Vec<u8>, Error> {
        let mut values = BTreeMap::new();
        values.insert("a".to_owned(), SecretBytes::from(b"x\xff".to_vec()));
        let rendered = Template::parse("t", source.as_bytes())?.render(&Context::new(&values))?;
        // EXPOSE: compared below.
        Ok(rendered.expose().to_vec())
    }

    fn check(source: &str, expected: &[u8]) {
        assert_eq!(render(source).unwrap(), expected, "{source}");
    }

    #[test]
    fn values_are_bytes() {
        check("[{{.a}}]", b"[x\xff]");
        check("{{.missing}}", b"<no value>");
        check("{{.missing.deeper}}", b"<no value>");
    }

    #[test]
    fn loops_have_break_continue_and_else() {
        check("{{range $i := 5}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 3}}{{break}}{{end}}{{$i}}{{end}}", b"02");
        check("{{range 0}}a{{else}}b{{end}}", b"b");
        check("{{range $k, $v := .}}{{$k}}={{$v}}{{end}}", b"a=x\xff");
    }

    #[test]
    fn variables_end_with_their_block() {
        check("{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{end}}{{$x}}", b"2");
        assert!(render("{{$x = 2}}").is_err());
    }

    #[test]
    fn deep_nesting_fits_the_stack_of_a_thread() {
        // Threads of tests have 2 MiB of stack.
        let parentheses = format!("{{{{{}1{}}}}}", "(list ".repeat(90), ")".repeat(90));
        check(&parentheses, format!("{}1{}", "[".repeat(90), "]".repeat(90)).as_bytes());
        let blocks = format!("{}x{}", "{{if true}}".repeat(95), "{{end}}".repeat(95));
        check(&blocks, b"x");
        let deep = "{{$l := list}}{{range 500}}{{$l = list $l}}{{end}}";
        for use_of_it in ["{{$l}}", "{{toJson $l}}", "{{deepCopy $l}}", "{{deepEqual $l $l}}", "{{quote $l}}"] {
            assert_eq!(render(&format!("{deep}{use_of_it}")).unwrap_err().kind(), crate::ErrorKind::Limit);
        }
        let json = format!("{{{{fromJson `{}`}}}}", "[".repeat(10_000));
        assert_eq!(render(&json).unwrap_err().kind(), crate::ErrorKind::Limit);
        let calls = "{{define \"n\"}}{{if .}}{{template \"n\" (and . (print . 1))}}{{end}}{{end}}{{template \"n\" 1}}";
        assert_eq!(render(calls).unwrap_err().kind(), crate::ErrorKind::Limit);
    }

    #[test]
    fn templates_call_each_other_in_bounds() {
        check("{{define \"b\"}}<{{.}}>{{end}}{{template \"b\" .a}}", b"<x\xff>");
        let error = render("{{define \"b\"}}{{template \"b\"}}{{end}}{{template \"b\"}}").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Limit);
    }
}
