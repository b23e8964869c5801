//! Commands, operands and calls.

use super::{Evaluator, Step};
use crate::error::Fault;
use crate::function::{Arguments, Function, Kind};
use crate::functions;
use crate::node::{Command, Number, Operand, OperandKind};
use crate::template::MissingKey;
use crate::value::{Element, List, Map, Text, Unsigned, Value};

impl Evaluator<'_> {
    /// Evaluates one stage of a pipeline; the result of the stage before is its last argument.
    pub(super) fn command(&mut self, dot: &Value, command: &Command, last: Option<Value>) -> Step<Value> {
        self.scope.meter.step(1)?;
        self.position = command.first.position;
        let arguments = command.arguments.as_slice();
        let plain = arguments.is_empty() && last.is_none();
        match &command.first.kind {
            OperandKind::Field(names) => self.fields(dot, dot.clone(), names, arguments, last),
            OperandKind::Chain(inner, names) => {
                let receiver = self.argument(dot, Kind::Raw, inner)?;
                self.fields(dot, receiver, names, arguments, last)
            }
            OperandKind::Variable(name, names) if !names.is_empty() => {
                let receiver = self.variable(name)?;
                self.fields(dot, receiver, names, arguments, last)
            }
            OperandKind::Function(function) => self.call(dot, function, None, arguments, last),
            _ if !plain => Err(Fault::exec("what is not a function takes no argument")),
            OperandKind::Variable(name, _) => self.variable(name),
            OperandKind::Pipeline(pipeline) => self.pipeline(dot, pipeline),
            OperandKind::Bool(truth) => Ok(Value::Bool(*truth)),
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Err(Fault::exec("nil is not a command")),
            OperandKind::Number(number) => ideal(number),
            OperandKind::Text(text) => Ok(Value::Text(text.clone())),
        }
    }

    /// Evaluates an operand for a parameter of a type.
    fn argument(&mut self, dot: &Value, kind: Kind, operand: &Operand) -> Step<Value> {
        self.position = operand.position;
        let value = match &operand.kind {
            OperandKind::Dot => dot.clone(),
            OperandKind::Nil => return zero(kind).ok_or_else(|| Fault::exec(format!("nil given for {kind:?}"))),
            OperandKind::Field(names) => self.fields(dot, dot.clone(), names, &[], None)?,
            OperandKind::Variable(name, names) => {
                let receiver = self.variable(name)?;
                self.fields(dot, receiver, names, &[], None)?
            }
            OperandKind::Pipeline(pipeline) => self.pipeline(dot, pipeline)?,
            OperandKind::Function(function) => self.call(dot, function, None, &[], None)?,
            OperandKind::Chain(inner, names) => {
                let receiver = self.argument(dot, Kind::Raw, inner)?;
                self.fields(dot, receiver, names, &[], None)?
            }
            OperandKind::Bool(truth) if accepts_constant(kind, Kind::Bool) => return Ok(Value::Bool(*truth)),
            OperandKind::Text(text) if accepts_constant(kind, Kind::Text) => return Ok(Value::Text(text.clone())),
            OperandKind::Number(number) => return constant(number, kind),
            OperandKind::Bool(_) | OperandKind::Text(_) => {
                return Err(Fault::exec(format!("wrong type of constant: wanted {kind:?}")));
            }
        };
        validate(value, kind)
    }

    fn fields(&mut self, dot: &Value, receiver: Value, names: &[Text], arguments: &[Operand], last: Option<Value>) -> Step<Value> {
        let Some((end, before)) = names.split_last() else { return Ok(receiver) };
        let mut receiver = receiver;
        for name in before {
            receiver = self.field(dot, receiver, name, &[], None)?;
        }
        self.field(dot, receiver, end, arguments, last)
    }

    /// A key of a map, a field of a struct, or a method.
    fn field(&mut self, dot: &Value, receiver: Value, name: &Text, arguments: &[Operand], last: Option<Value>) -> Step<Value> {
        let plain = arguments.is_empty() && last.is_none();
        let shown = || String::from_utf8_lossy(name).into_owned();
        if let Some(method) = functions::find_method(&receiver, name) {
            return self.call(dot, method, Some(receiver), arguments, last);
        }
        match (&receiver, self.missing_key) {
            (Value::Invalid, MissingKey::Error) => Err(Fault::exec(format!("no entry for key {:?}", shown()))),
            (Value::Invalid, _) => Ok(Value::Invalid),
            (Value::Nil, _) => Err(Fault::exec(format!("nil has no field {:?}", shown()))),
            (Value::Map(_) | Value::Certificate(_), _) if !plain => Err(Fault::exec(format!("{:?} is not a method but has arguments", shown()))),
            (Value::Map(map), missing_key) => match (map.value(name), missing_key) {
                (Some(value), _) => Ok(value),
                (None, MissingKey::NoValue) => Ok(Value::Invalid),
                (None, MissingKey::Zero) => Ok(zero_element(map)),
                (None, MissingKey::Error) => Err(Fault::exec(format!("no entry for key {:?}", shown()))),
            },
            (Value::Certificate(pair), _) => match &**name {
                b"Cert" => Ok(Value::Text(pair.certificate.clone())),
                b"Key" => Ok(Value::Text(pair.key.clone())),
                _ => Err(Fault::exec(format!("a certificate has no field {:?}", shown()))),
            },
            (other, _) => Err(Fault::exec(format!("{} has no field {:?}", other.type_name(), shown()))),
        }
    }

    /// Calls a function, or a method whose first argument is the receiver.
    fn call(&mut self, dot: &Value, function: &'static Function, receiver: Option<Value>, arguments: &[Operand], last: Option<Value>) -> Step<Value> {
        let position = self.position;
        let parameters = &function.parameters[usize::from(receiver.is_some())..];
        let count = arguments.len() + usize::from(last.is_some());
        if count < parameters.len() || (count > parameters.len() && function.rest.is_none()) {
            let message = format!("wrong number of arguments: {count} given, {} wanted", parameters.len());
            return Err(Fault::exec(message).in_function(function.name));
        }
        if let ("fail", [Operand { kind: OperandKind::Text(text), .. }]) = (function.name, arguments) {
            // Only text that stands in the template itself may be shown.
            return Err(Fault::exec(format!("fail: {}", String::from_utf8_lossy(text))));
        }
        let kind_at = |index: usize| parameters.get(index).copied().or(function.rest).unwrap_or(Kind::Any);
        if matches!(function.name, "and" | "or") {
            return self.short_circuit(dot, function.name == "or", arguments, last);
        }
        let mut values = Vec::with_capacity(count + 1);
        values.extend(receiver);
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, kind_at(index), argument)?);
        }
        self.position = position;
        if let Some(last) = last {
            values.push(validate(last, kind_at(count - 1)).map_err(|fault| fault.in_function(function.name))?);
        }
        self.scope.meter.step(1 + weight(&values) / 64)?;
        (function.call)(self.scope, &Arguments::new(values)).map_err(|fault| fault.in_function(function.name))
    }

    fn short_circuit(&mut self, dot: &Value, stop: bool, arguments: &[Operand], last: Option<Value>) -> Step<Value> {
        let mut value = Value::Invalid;
        for argument in arguments {
            value = self.argument(dot, Kind::Raw, argument)?;
            if value.is_true() == stop {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}

/// How much there is to read in the arguments, roughly in bytes.
fn weight(values: &[Value]) -> u64 {
    let one = |value: &Value| match value {
        Value::Text(text) => text.len() as u64,
        Value::List(list) => list.len() as u64 * 16,
        Value::Map(map) => map.len() as u64 * 32,
        _ => 1,
    };
    values.iter().map(one).sum()
}

fn accepts_constant(parameter: Kind, constant: Kind) -> bool {
    parameter == constant || matches!(parameter, Kind::Any | Kind::Raw)
}

/// The value of a number where nothing asks for a type.
fn ideal(number: &Number) -> Step<Value> {
    if let Some((real, imaginary)) = number.complex {
        return Ok(Value::Complex(real, imaginary));
    }
    match (number.float, number.int, number.uint) {
        (Some(float), _, _) if number.written_as_float => Ok(Value::Float(float)),
        (_, Some(int), _) => Ok(Value::int(int)),
        (_, None, Some(_)) => Err(Fault::exec("a constant overflows int")),
        _ => Ok(Value::Invalid),
    }
}

fn constant(number: &Number, kind: Kind) -> Step<Value> {
    let value = match kind {
        Kind::Any | Kind::Raw => return ideal(number),
        Kind::Int => number.int.map(Value::int),
        Kind::Duration => number.int.map(|int| Value::Int(int, crate::value::Signed::Duration)),
        Kind::Uint32 => number.uint.map(|uint| Value::Uint(uint & u64::from(u32::MAX), Unsigned::Uint64)),
        Kind::Float => number.float.map(Value::Float),
        _ => None,
    };
    value.ok_or_else(|| Fault::exec(format!("wrong type of constant: wanted {kind:?}, got a number")))
}

/// Go's zero value, for the types that can be nil.
fn zero(kind: Kind) -> Option<Value> {
    match kind {
        Kind::Raw => Some(Value::Invalid),
        Kind::Any => Some(Value::Nil),
        Kind::Map => Some(Value::Map(Map::nil())),
        Kind::List => Some(Value::List(List::nil(Element::Any))),
        _ => None,
    }
}

fn zero_element(map: &Map) -> Value {
    if map.has_texts() { Value::text("") } else { Value::Nil }
}

/// Checks that a value can be given for a parameter.
fn validate(value: Value, kind: Kind) -> Step<Value> {
    use crate::value::Signed;
    if matches!(value, Value::Invalid) {
        return zero(kind).ok_or_else(|| Fault::exec(format!("no value given for {kind:?}")));
    }
    let fits = match (kind, &value) {
        (Kind::Raw | Kind::Any, _)
        | (Kind::Text, Value::Text(_))
        | (Kind::Int, Value::Int(_, Signed::Int))
        | (Kind::Duration, Value::Int(_, Signed::Duration))
        | (Kind::Float, Value::Float(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Time, Value::Time(_))
        | (Kind::Version, Value::Version(_))
        | (Kind::Certificate, Value::Certificate(_)) => true,
        (Kind::Map, Value::Map(map)) => !map.has_texts(),
        (Kind::List, Value::List(list)) => list.element() == Element::Any,
        _ => false,
    };
    let message = || format!("wrong type of value: wanted {kind:?}, got {}", value.type_name());
    if fits { Ok(value) } else { Err(Fault::exec(message())) }
}
