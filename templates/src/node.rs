//! The parsed form of a template.

use std::collections::BTreeMap;

use crate::function::Function;
use crate::value::Text;

/// All the templates of one source, by name.
pub(crate) type Trees = BTreeMap<Text, Vec<Node>>;

/// A piece of a template, with its place in the source.
pub(crate) struct Node {
    pub(crate) position: usize,
    pub(crate) kind: NodeKind,
}

pub(crate) enum NodeKind {
    Text(Text),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: Text, pipeline: Option<Pipeline> },
    Break,
    Continue,
}

/// A condition or collection with its two bodies.
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// Commands, each of which feeds the next, and the variables that take the result.
pub(crate) struct Pipeline {
    pub(crate) position: usize,
    pub(crate) assigns: bool,
    pub(crate) variables: Vec<Text>,
    pub(crate) commands: Vec<Command>,
}

/// An operand or a function with its arguments.
pub(crate) struct Command {
    pub(crate) first: Operand,
    pub(crate) arguments: Vec<Operand>,
}

pub(crate) struct Operand {
    pub(crate) position: usize,
    pub(crate) kind: OperandKind,
}

pub(crate) enum OperandKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    Text(Text),
    /// `.a.b`
    Field(Vec<Text>),
    /// `$a.b`: the name with its dollar sign, then the fields.
    Variable(Text, Vec<Text>),
    Function(&'static Function),
    /// `(...).a.b`
    Chain(Box<Operand>, Vec<Text>),
    Pipeline(Box<Pipeline>),
}

/// A number of the source: everything that it can be taken for.
#[derive(Default)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
    /// Written with a point or an exponent.
    pub(crate) written_as_float: bool,
}

impl OperandKind {
    /// Constants can only begin a pipeline.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Self::Bool(_) | Self::Dot | Self::Nil | Self::Number(_) | Self::Text(_))
    }
}

/// True for a body without anything but white space: it does not replace a template of the same name.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match &node.kind {
        NodeKind::Text(text) => text.trim_ascii().is_empty() && crate::functions::strings::trim_space(text).is_empty(),
        _ => false,
    })
}
