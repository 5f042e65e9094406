//! As much of `PromQL` as it takes to know what a query asks for: its selectors and the labels it groups by. Strict: what it
//! does not know it refuses.

/// One selector: a metric by name, or by matchers alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The metric; none where a matcher on `__name__` says which.
    pub name: Option<String>,
    /// Label, operator and value.
    pub matchers: Vec<Matcher>,
}

/// Label, operator and value.
pub type Matcher = (String, String, String);

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Its selectors, in order.
    pub selectors: Vec<Selector>,
    /// Labels that it groups or joins by.
    pub labels: Vec<String>,
    /// Labels that `label_replace` makes.
    pub made: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(String),
}

const FUNCTIONS: [&str; 20] = [
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "topk",
    "rate",
    "increase",
    "histogram_quantile",
    "label_replace",
    "clamp_min",
    "clamp_max",
    "scalar",
    "vector",
    "time",
    "abs",
    "max_over_time",
    "sort_desc",
    "round",
    "delta",
];
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const WORDS: [&str; 4] = ["and", "or", "unless", "bool"];

/// Reads a query, or says what is wrong with it.
pub fn read(text: &str) -> Result<Query, String> {
    let tokens = tokens(text)?;
    let mut query = Query::default();
    let mut depth = 0_i32;
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token {
            Token::Word(word) if GROUPINGS.contains(&word.as_str()) => {
                let (labels, after) = list(rest)?;
                query.labels.extend(labels);
                rest = after;
            }
            Token::Word(word) if rest.first() == Some(&Token::Sign("(".into())) => {
                if !FUNCTIONS.contains(&word.as_str()) {
                    return Err(format!("no function {word:?}"));
                }
                if word == "label_replace" {
                    query.made.push(made(rest)?);
                }
            }
            // `sum by (…) (…)`.
            Token::Word(word) if matches!(rest.first(), Some(Token::Word(next)) if GROUPINGS.contains(&next.as_str())) => {
                if !FUNCTIONS.contains(&word.as_str()) {
                    return Err(format!("no aggregation {word:?}"));
                }
            }
            Token::Word(word) if WORDS.contains(&word.as_str()) => {}
            Token::Word(word) => {
                let mut selector = Selector { name: Some(word.clone()), ..Selector::default() };
                if rest.first() == Some(&Token::Sign("{".into())) {
                    (selector.matchers, rest) = matchers(&rest[1..])?;
                }
                query.selectors.push(selector);
            }
            Token::Sign(sign) => match sign.as_str() {
                "{" => {
                    let (matchers, after) = matchers(rest)?;
                    rest = after;
                    query.selectors.push(Selector { name: None, matchers });
                }
                "[" => rest = range(rest)?,
                "(" => depth += 1,
                ")" => depth -= 1,
                "," | "+" | "-" | "*" | "/" | ">" | "<" | ">=" | "<=" | "==" | "!=" => {}
                other => return Err(format!("{other:?} stands where it should not")),
            },
            Token::Number(_) | Token::Text(_) => {}
        }
        if depth < 0 {
            return Err("a parenthesis too many".into());
        }
    }
    if depth != 0 {
        return Err("a parenthesis is missing".into());
    }
    if query.selectors.is_empty() { Err("it asks for no metric".into()) } else { Ok(query) }
}

/// `(a, b)`.
fn list(tokens: &[Token]) -> Result<(Vec<String>, &[Token]), String> {
    let mut labels = Vec::new();
    let Some((Token::Sign(open), mut rest)) = tokens.split_first() else { return Err("no list".into()) };
    if open != "(" {
        return Err("no list".into());
    }
    loop {
        match rest {
            [Token::Sign(close), after @ ..] if close == ")" => return Ok((labels, after)),
            [Token::Word(label), Token::Sign(comma), after @ ..] if comma == "," => {
                labels.push(label.clone());
                rest = after;
            }
            [Token::Word(label), after @ ..] => {
                labels.push(label.clone());
                rest = after;
            }
            _ => return Err("a list of labels is broken".into()),
        }
    }
}

/// `a="b", c=~"d"}`.
fn matchers(tokens: &[Token]) -> Result<(Vec<Matcher>, &[Token]), String> {
    let mut all = Vec::new();
    let mut rest = tokens;
    loop {
        match rest {
            [Token::Sign(close), after @ ..] if close == "}" => return Ok((all, after)),
            [Token::Word(label), Token::Sign(sign), Token::Text(text), after @ ..]
                if ["=", "!=", "=~", "!~"].contains(&sign.as_str()) =>
            {
                all.push((label.clone(), sign.clone(), text.clone()));
                rest = match after {
                    [Token::Sign(comma), after @ ..] if comma == "," => after,
                    after => after,
                };
            }
            _ => return Err("matchers are broken".into()),
        }
    }
}

/// `5m]` or `5m:]` or `5m:15s]`.
fn range(tokens: &[Token]) -> Result<&[Token], String> {
    match tokens {
        [Token::Number(_), Token::Sign(close), after @ ..] if close == "]" => Ok(after),
        [Token::Number(_), Token::Sign(colon), Token::Sign(close), after @ ..]
            if colon == ":" && close == "]" =>
        {
            Ok(after)
        }
        [Token::Number(_), Token::Sign(colon), Token::Number(_), Token::Sign(close), after @ ..]
            if colon == ":" && close == "]" =>
        {
            Ok(after)
        }
        _ => Err("a range is broken".into()),
    }
}

/// The label that a `label_replace` makes: its first text outside of braces.
fn made(tokens: &[Token]) -> Result<String, String> {
    let mut depth = 0;
    for token in tokens {
        match token {
            Token::Sign(sign) if sign == "{" => depth += 1,
            Token::Sign(sign) if sign == "}" => depth -= 1,
            Token::Text(text) if depth == 0 => return Ok(text.clone()),
            _ => {}
        }
    }
    Err("label_replace makes no label".into())
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let length = match first {
            c if c.is_whitespace() => c.len_utf8(),
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = end(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
                all.push(Token::Word(rest[..length].to_owned()));
                length
            }
            c if c.is_ascii_digit() => {
                // A number, or a duration such as 5m.
                let length = end(|c| c.is_ascii_alphanumeric() || c == '.');
                all.push(Token::Number(rest[..length].to_owned()));
                length
            }
            '"' => {
                let close = rest[1..].find('"').ok_or("a text has no end")?;
                all.push(Token::Text(rest[1..=close].to_owned()));
                close + 2
            }
            _ => {
                let signs = [">=", "<=", "==", "!=", "=~", "!~"];
                let length =
                    if signs.iter().any(|sign| rest.starts_with(sign)) { 2 } else { first.len_utf8() };
                let sign = &rest[..length];
                if !signs.contains(&sign) && !"(){}[],:+-*/<>=".contains(sign) {
                    return Err(format!("{sign:?} is no part of PromQL"));
                }
                all.push(Token::Sign(sign.to_owned()));
                length
            }
        };
        rest = &rest[length..];
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Query, Selector, read};

    fn selector(name: &str, matchers: &[(&str, &str, &str)]) -> Selector {
        let matchers = matchers
            .iter()
            .map(|(label, sign, text)| ((*label).to_owned(), (*sign).to_owned(), (*text).to_owned()))
            .collect();
        Selector { name: (!name.is_empty()).then(|| name.to_owned()), matchers }
    }

    #[test]
    fn finds_selectors_and_labels() {
        let query =
            "histogram_quantile(0.99, sum by (le, surface) (rate(a_bucket{job=~\"x\", of!=\"y\"}[5m]))) > 1";
        assert_eq!(
            read(query),
            Ok(Query {
                selectors: vec![selector("a_bucket", &[("job", "=~", "x"), ("of", "!=", "y")])],
                labels: vec!["le".into(), "surface".into()],
                made: Vec::new(),
            })
        );
        let query = "sum by (reason) (rate(label_replace({__name__=~\"a_.+\"}, \"reason\", \"$1\", \"__name__\", \"a_(.+)\")[5m:]))";
        let read = read(query).unwrap();
        assert_eq!(read.selectors, [selector("", &[("__name__", "=~", "a_.+")])]);
        assert_eq!((read.labels, read.made), (vec!["reason".into()], vec!["reason".into()]));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for query in [
            "",
            "1 + 2",
            "nosuch(a)",
            "sum(a",
            "sum(a))",
            "a{b}",
            "a{b=c}",
            "a[5m",
            "a[b]",
            "sum by a (b)",
            "a @ 5",
            "a{b=\"c}",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
