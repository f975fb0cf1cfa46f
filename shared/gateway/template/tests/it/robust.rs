//! Whatever the text, a template is read or refused: nothing panics, hangs or runs out of stack.

use drydock_core::Scope;
use drydock_template::{Problem, Settings, Template};
use proptest::prelude::*;

fn judge(name: &str, text: &str) -> Result<usize, Vec<Problem>> {
    let settings = Settings::new(Scope::new("123456789012", "us-east-1"), "stack", "http://127.0.0.1:4566");
    let plan = Template::parse(name, text).and_then(|template| template.plan(&settings));
    plan.map(|plan| plan.resources.len()).map_err(|errors| {
        // The errors' texts and places are made too: they cut the text at byte offsets.
        assert!(!errors.to_string().is_empty());
        for error in errors.iter() {
            let span = error.span();
            assert!(span.offset <= text.len() && text.is_char_boundary(span.offset), "{error} at {span:?}");
        }
        errors.iter().map(|error| error.problem().clone()).collect()
    })
}

/// Pieces of YAML, JSON and templates; strung together they get deeper into the code than letters would.
const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    " ",
    "\t",
    ": ",
    "- ",
    "? ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "!Ref ",
    "!Sub ",
    "!GetAtt ",
    "!If ",
    "!Join ",
    "!!str ",
    "!<tag:x> ",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "#",
    "<<: ",
    "~",
    "null",
    "true",
    "0",
    "-1.5",
    "é😀",
    "\u{feff}",
    "\r\n",
    "\\u0000",
    "${",
    "}",
    "${A}",
    "${A.B}",
    "Resources:",
    "Outputs:",
    "Conditions:",
    "Parameters:",
    "Mappings:",
    "Globals:",
    "Transform: AWS::Serverless-2016-10-31",
    "Type: AWS::SNS::Topic",
    "Type: AWS::Serverless::Function",
    "Type: AWS::IoT::TopicRule",
    "Type: String",
    "Properties:",
    "Events:",
    "Value:",
    "Function:",
    "A:",
    "B:",
    "A",
    "B",
    "\"Resources\"",
    "\"Type\"",
    "\"AWS::SQS::Queue\"",
    "Fn::Join:",
    "Fn::ForEach::X:",
    "Ref:",
    "DependsOn:",
    "Condition:",
    "Metadata: {Drydock: aws-only}",
    "TopicRulePayload:",
    "Default:",
    "AWS::Region",
    "AWS::NoValue",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = judge("t.yaml", &text);
    }

    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let _ = judge("t.yaml", &pieces.concat());
    }

    #[test]
    fn any_pieces_in_a_template_are_read_or_refused(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..30)) {
        let head = "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs:\n  X:\n    Value: ";
        let _ = judge("t.yaml", &format!("{head}{}", pieces.concat()));
        let _ = judge("t.json", &format!("{{\"Resources\": {{{}", pieces.concat()));
    }
}

fn limited(text: &str) -> bool {
    match judge("t.yaml", text) {
        Err(problems) => matches!(problems.as_slice(), [Problem::Limit(_) | Problem::Syntax(_), ..]),
        Ok(_) => false,
    }
}

#[test]
fn depth_is_bounded_in_both_formats() {
    for depth in [100, 10_000, 200_000] {
        assert!(limited(&format!("A: {}{}", "[".repeat(depth), "]".repeat(depth))));
        assert!(limited(&format!("{{\"A\": {}{}}}", "[".repeat(depth), "]".repeat(depth))));
        assert!(limited(&"- ".repeat(depth)));
    }
}

#[test]
fn size_is_bounded() {
    assert!(limited(&format!("Description: {}", "x".repeat(2 << 20))));
}

#[test]
fn deep_but_allowed_nesting_fits_on_a_small_stack() {
    let nested = format!("{}x{}", "!Join ['', [".repeat(28), "]]".repeat(28));
    let text = format!("Resources: {{T: {{Type: AWS::SNS::Topic}}}}\nOutputs: {{X: {{Value: {nested}}}}}");
    let small = std::thread::Builder::new().stack_size(1 << 20);
    small.spawn(move || assert_eq!(judge("t.yaml", &text), Ok(1))).unwrap().join().unwrap();
}

#[test]
fn long_chains_of_names_and_conditions_end_in_an_error_or_a_plan() {
    let names: String = (0..400)
        .map(|at| {
            let next = at + 1;
            format!("  T{at}: {{Type: AWS::SNS::Topic, Properties: {{TopicName: !Sub 'x${{T{next}.TopicName}}'}}}}\n")
        })
        .collect();
    let text = format!("Resources:\n{names}  T400: {{Type: AWS::SNS::Topic, Properties: {{TopicName: end}}}}\n");
    let conditions: String = (0..5000).map(|at| format!("  C{at}: !Not [!Condition C{}]\n", at + 1)).collect();
    let conditions = format!(
        "Conditions:\n{conditions}  C5000: !Equals [a, a]\nResources: {{T: {{Type: AWS::SNS::Topic, Condition: C0}}}}\n"
    );
    let nested: String = (0..19)
        .map(|at| {
            let name = format!("{}!GetAtt T{}.TopicName{}", "!Join ['', [".repeat(3), at + 1, "]]".repeat(3));
            format!("  T{at}: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {name}}}}}\n")
        })
        .collect();
    let nested = format!("Resources:\n{nested}  T19: {{Type: AWS::SNS::Topic, Properties: {{TopicName: end}}}}\n");
    for text in [text, conditions, nested] {
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let problems = small.spawn(move || judge("t.yaml", &text).unwrap_err()).unwrap().join().unwrap();
        assert!(problems.iter().any(|problem| matches!(problem, Problem::Limit(_))), "{problems:?}");
    }
}

#[test]
fn texts_do_not_double_without_end() {
    let mut value = "'${AWS::StackName}'".to_owned();
    for _ in 0..25 {
        value = format!("['${{a}}${{a}}${{a}}${{a}}', {{a: !Sub {value}}}]");
    }
    let text = format!("Resources: {{T: {{Type: AWS::SNS::Topic}}}}\nOutputs: {{X: {{Value: !Sub {value}}}}}");
    assert!(limited(&text));
}

#[test]
fn the_largest_template_is_read_in_time() {
    let mut text = String::from("Resources:\n  T: {Type: AWS::SNS::Topic}\nMetadata:\n");
    for at in 0.. {
        if text.len() > (1 << 20) - 100 {
            break;
        }
        text += &format!("  Key{at}: {{a: 1, b: [x, y]}}\n");
    }
    let start = std::time::Instant::now();
    assert_eq!(judge("t.yaml", &text), Ok(1));
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}
