//! Makes nodes out of tokens.
//!
//! *Source*: the documentation of Go's `text/template`; the behaviour is that of Go 1.26.

use crate::error::{Error, Fault, Result};
use crate::functions;
use crate::language::{Dialect, Language};
use crate::lex::{Keyword, Token, TokenKind, tokens};
use crate::literal::{number, unquote};
use crate::node::{Branch, Command, Node, NodeKind, Operand, OperandKind, Pipeline, Trees, is_empty};
use crate::value::Text;

/// Blocks and parentheses within each other. Go allows 10,000 parentheses and any number of blocks; this parser and the
/// evaluator call themselves for each, on a stack that may be as small as 2 MiB.
const MAX_DEPTH: usize = 100;

/// Parses a source with all the templates that it defines.
pub(crate) fn parse(name: &str, source: &[u8], language: &Language) -> Result<Trees> {
    let (tokens, dialect) = (tokens(source, language), language.dialect);
    let mut parser = Parser { tokens, dialect, next: 0, trees: Trees::new(), variables: vec![Text::from("$")], ranges: 0, depth: 0 };
    let position = |parser: &Parser<'_>| parser.tokens.get(parser.next.saturating_sub(1)).map_or(0, |t| t.position);
    parser.source(name).map_err(|fault| Error::from(fault).at(name, source, position(&parser)))?;
    Ok(parser.trees)
}

struct Parser<'s> {
    tokens: Vec<Token<'s>>,
    dialect: Dialect,
    next: usize,
    trees: Trees,
    variables: Vec<Text>,
    ranges: usize,
    depth: usize,
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Ending {
    End,
    Else,
}

enum Parsed {
    Node(Node),
    Ending(Ending),
}

type Step<T> = std::result::Result<T, Fault>;

impl<'s> Parser<'s> {
    /// Reads a token; the last one is read again and again.
    fn next(&mut self) -> Token<'s> {
        let token = self.peek();
        self.next = (self.next + 1).min(self.tokens.len());
        token
    }

    fn peek(&self) -> Token<'s> {
        let end = Token { kind: TokenKind::End, text: b"", position: 0 };
        self.tokens.get(self.next).or(self.tokens.last()).copied().unwrap_or(end)
    }

    fn backup(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    fn next_non_space(&mut self) -> Token<'s> {
        self.peek_non_space();
        self.next()
    }

    fn peek_non_space(&mut self) -> Token<'s> {
        while self.peek().kind == TokenKind::Space {
            self.next += 1;
        }
        self.peek()
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Step<Token<'s>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { Err(unexpected(token, context)) }
    }

    fn source(&mut self, name: &str) -> Step<()> {
        let mut nodes = Vec::new();
        while self.peek().kind != TokenKind::End {
            let start = self.next;
            if self.next().kind == TokenKind::LeftDelimiter && self.next_non_space().kind == TokenKind::Keyword(Keyword::Define) {
                self.definition()?;
                continue;
            }
            self.next = start;
            match self.text_or_action()? {
                Parsed::Node(node) => nodes.push(node),
                Parsed::Ending(Ending::End) => return Err(Fault::parse("unexpected {{end}}")),
                Parsed::Ending(Ending::Else) => return Err(Fault::parse("unexpected {{else}}")),
            }
        }
        self.add(Text::from(name), nodes)
    }

    fn add(&mut self, name: Text, nodes: Vec<Node>) -> Step<()> {
        let replaces = self.trees.get(&name).is_none_or(|old| is_empty(old));
        if replaces {
            self.trees.insert(name, nodes);
            return Ok(());
        }
        if is_empty(&nodes) { Ok(()) } else { Err(Fault::parse("multiple definition of a template")) }
    }

    fn definition(&mut self) -> Step<()> {
        let context = "define clause";
        let token = self.next_non_space();
        let name = template_name(token, context)?;
        self.expect(TokenKind::RightDelimiter, context)?;
        let nodes = self.separate_body(context)?;
        self.add(name, nodes)
    }

    /// The body of a define or block: a template of its own, with its own variables.
    fn separate_body(&mut self, context: &str) -> Step<Vec<Node>> {
        let variables = std::mem::replace(&mut self.variables, vec![Text::from("$")]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, ending) = self.nodes()?;
        if ending != Ending::End {
            return Err(Fault::parse(format!("unexpected {{{{else}}}} in {context}")));
        }
        self.variables = variables;
        self.ranges = ranges;
        Ok(nodes)
    }

    fn nodes(&mut self) -> Step<(Vec<Node>, Ending)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::parse("blocks are nested too deep"));
        }
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != TokenKind::End {
            match self.text_or_action()? {
                Parsed::Node(node) => nodes.push(node),
                Parsed::Ending(ending) => {
                    self.depth -= 1;
                    return Ok((nodes, ending));
                }
            }
        }
        Err(Fault::parse("unexpected end of the template: a block is not closed"))
    }

    fn text_or_action(&mut self) -> Step<Parsed> {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => Ok(Parsed::Node(Node { position: token.position, kind: NodeKind::Text(token.text.into()) })),
            TokenKind::LeftDelimiter => self.action(),
            _ => Err(unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Step<Parsed> {
        let token = self.next_non_space();
        let TokenKind::Keyword(keyword) = token.kind else {
            self.backup();
            let pipeline = self.pipeline("command", TokenKind::RightDelimiter)?;
            return Ok(Parsed::Node(Node { position: token.position, kind: NodeKind::Action(pipeline) }));
        };
        let kind = match keyword {
            Keyword::Block => self.block()?,
            Keyword::Break => self.jump(NodeKind::Break, "{{break}}")?,
            Keyword::Continue => self.jump(NodeKind::Continue, "{{continue}}")?,
            Keyword::Else => {
                let following = self.peek_non_space().kind;
                if !matches!(following, TokenKind::Keyword(Keyword::If | Keyword::With)) {
                    self.expect(TokenKind::RightDelimiter, "else")?;
                }
                return Ok(Parsed::Ending(Ending::Else));
            }
            Keyword::End => {
                self.expect(TokenKind::RightDelimiter, "end")?;
                return Ok(Parsed::Ending(Ending::End));
            }
            Keyword::If => NodeKind::If(self.branch(keyword)?),
            Keyword::Range => NodeKind::Range(self.branch(keyword)?),
            Keyword::With => NodeKind::With(self.branch(keyword)?),
            Keyword::Template => self.template()?,
            Keyword::Define => return Err(unexpected(token, "command")),
        };
        Ok(Parsed::Node(Node { position: token.position, kind }))
    }

    fn jump(&mut self, kind: NodeKind, name: &str) -> Step<NodeKind> {
        self.expect(TokenKind::RightDelimiter, name)?;
        if self.ranges == 0 {
            return Err(Fault::parse(format!("{name} outside {{{{range}}}}")));
        }
        Ok(kind)
    }

    fn branch(&mut self, keyword: Keyword) -> Step<Branch> {
        let context = match keyword {
            Keyword::Range => "range",
            Keyword::With => "with",
            _ => "if",
        };
        let known = self.variables.len();
        let pipeline = self.pipeline(context, TokenKind::RightDelimiter)?;
        let ranges = usize::from(keyword == Keyword::Range);
        self.ranges += ranges;
        let (body, ending) = self.nodes()?;
        self.ranges -= ranges;
        let otherwise = if ending == Ending::Else { Some(self.otherwise(keyword)?) } else { None };
        self.variables.truncate(known);
        Ok(Branch { pipeline, body, otherwise })
    }

    fn otherwise(&mut self, keyword: Keyword) -> Step<Vec<Node>> {
        let token = self.peek();
        let chained = token.kind == TokenKind::Keyword(keyword) && keyword != Keyword::Range;
        if !chained {
            let (nodes, ending) = self.nodes()?;
            return if ending == Ending::End { Ok(nodes) } else { Err(Fault::parse("expected end; found {{else}}")) };
        }
        self.next();
        self.depth += 1;
        let branch = self.branch(keyword)?;
        self.depth -= 1;
        let kind = if keyword == Keyword::If { NodeKind::If(branch) } else { NodeKind::With(branch) };
        Ok(vec![Node { position: token.position, kind }])
    }

    fn block(&mut self) -> Step<NodeKind> {
        let context = "block clause";
        let token = self.next_non_space();
        let name = template_name(token, context)?;
        let pipeline = Some(self.pipeline(context, TokenKind::RightDelimiter)?);
        let nodes = self.separate_body(context)?;
        self.add(name.clone(), nodes)?;
        Ok(NodeKind::Template { name, pipeline })
    }

    fn template(&mut self) -> Step<NodeKind> {
        let context = "template clause";
        let token = self.next_non_space();
        let name = template_name(token, context)?;
        if self.peek_non_space().kind == TokenKind::RightDelimiter {
            self.next();
            return Ok(NodeKind::Template { name, pipeline: None });
        }
        let pipeline = Some(self.pipeline(context, TokenKind::RightDelimiter)?);
        Ok(NodeKind::Template { name, pipeline })
    }

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Step<Pipeline> {
        let position = self.peek_non_space().position;
        let mut pipeline = Pipeline { position, assigns: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.next_non_space();
            if token.kind == end {
                break;
            }
            if !starts_operand(token.kind) {
                return Err(unexpected(token, context));
            }
            self.backup();
            pipeline.commands.push(self.command()?);
        }
        if pipeline.commands.is_empty() {
            return Err(Fault::parse(format!("missing value for {context}")));
        }
        if pipeline.commands.iter().skip(1).any(|command| command.first.kind.is_constant()) {
            return Err(Fault::parse("a constant cannot take the result of a pipeline"));
        }
        Ok(pipeline)
    }

    /// `$a :=`, `$a =`, and in a range `$a, $b :=`.
    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Step<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != TokenKind::Variable {
                return Ok(());
            }
            let start = self.next;
            self.next();
            let following = self.peek_non_space();
            let comma = following.kind == TokenKind::Character && following.text == b",";
            if !comma && !matches!(following.kind, TokenKind::Assign | TokenKind::Declare) {
                self.next = start;
                return Ok(());
            }
            self.next();
            pipeline.variables.push(variable.text.into());
            self.variables.push(variable.text.into());
            if !comma {
                pipeline.assigns = following.kind == TokenKind::Assign;
                return Ok(());
            }
            if context != "range" || pipeline.variables.len() > 1 {
                return Err(Fault::parse(format!("too many declarations in {context}")));
            }
            let after = self.peek_non_space().kind;
            if !matches!(after, TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParenthesis) {
                return Err(Fault::parse("range can only initialize variables"));
            }
        }
    }

    fn command(&mut self) -> Step<Command> {
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => {
                    self.backup();
                    break;
                }
                TokenKind::Pipe => break,
                _ => return Err(unexpected(token, "operand")),
            }
        }
        let mut operands = operands.into_iter();
        let first = operands.next().ok_or_else(|| Fault::parse("empty command"))?;
        Ok(Command { first, arguments: operands.collect() })
    }

    fn operand(&mut self) -> Step<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let mut fields = Vec::new();
        while self.peek().kind == TokenKind::Field {
            let token = self.next();
            fields.push(Text::from(&token.text[1..]));
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        if operand.kind.is_constant() {
            return Err(Fault::parse("unexpected . after a constant"));
        }
        operand.kind = match operand.kind {
            OperandKind::Field(mut names) => {
                names.append(&mut fields);
                OperandKind::Field(names)
            }
            OperandKind::Variable(name, mut names) => {
                names.append(&mut fields);
                OperandKind::Variable(name, names)
            }
            kind => OperandKind::Chain(Box::new(Operand { position: operand.position, kind }), fields),
        };
        Ok(Some(operand))
    }

    fn term(&mut self) -> Step<Option<Operand>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            TokenKind::Identifier => {
                let name = String::from_utf8_lossy(token.text);
                let function = functions::find(&name, self.dialect);
                OperandKind::Function(function.ok_or_else(|| Fault::parse(format!("function {name:?} is not defined")))?)
            }
            TokenKind::Dot => OperandKind::Dot,
            TokenKind::Nil => OperandKind::Nil,
            TokenKind::Variable => {
                if !self.variables.iter().any(|known| **known == *token.text) {
                    return Err(Fault::parse("undefined variable"));
                }
                OperandKind::Variable(token.text.into(), Vec::new())
            }
            TokenKind::Field => OperandKind::Field(vec![Text::from(&token.text[1..])]),
            TokenKind::Bool => OperandKind::Bool(token.text == b"true"),
            TokenKind::CharacterConstant | TokenKind::Complex | TokenKind::Number => OperandKind::Number(number(token.kind, token.text)?),
            TokenKind::LeftParenthesis => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Fault::parse("parentheses are nested too deep"));
                }
                let pipeline = self.pipeline("parenthesized pipeline", TokenKind::RightParenthesis)?;
                self.depth -= 1;
                OperandKind::Pipeline(Box::new(pipeline))
            }
            TokenKind::Quoted | TokenKind::RawQuoted => OperandKind::Text(unquote(token.text)?),
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Operand { position: token.position, kind }))
    }
}

fn starts_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bool
            | TokenKind::CharacterConstant
            | TokenKind::Complex
            | TokenKind::Dot
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::Nil
            | TokenKind::Quoted
            | TokenKind::RawQuoted
            | TokenKind::Variable
            | TokenKind::LeftParenthesis
    )
}

fn template_name(token: Token<'_>, context: &str) -> Step<Text> {
    match token.kind {
        TokenKind::Quoted | TokenKind::RawQuoted => unquote(token.text),
        _ => Err(unexpected(token, context)),
    }
}

fn unexpected(token: Token<'_>, context: &str) -> Fault {
    match token.kind {
        TokenKind::Error => Fault::parse(String::from_utf8_lossy(token.text).into_owned()),
        TokenKind::End => Fault::parse(format!("unexpected end of the template in {context}")),
        _ => Fault::parse(format!("unexpected {:?} in {context}", String::from_utf8_lossy(token.text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, well_formed: bool) {
        assert_eq!(parse("t", source.as_bytes(), &Language::sealed_secrets()).is_ok(), well_formed, "{source}");
    }

    #[test]
    fn blocks_must_be_closed_once() {
        check("{{if .}}a{{end}}", true);
        check("{{if .}}a", false);
        check("a{{end}}", false);
        check("{{if .}}a{{else}}b{{else}}c{{end}}", false);
        check("{{range .}}{{break}}{{end}}", true);
        check("{{break}}", false);
    }

    #[test]
    fn names_must_be_known() {
        check("{{nonesuch}}", false);
        check("{{$x}}", false);
        check("{{$x := 1}}{{$x}}", true);
    }

    #[test]
    fn nesting_is_bounded() {
        check(&format!("{{{{{}1{}}}}}", "(".repeat(50_000), ")".repeat(50_000)), false);
        check(&"{{if .}}".repeat(50_000), false);
    }
}
