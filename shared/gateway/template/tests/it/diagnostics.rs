//! Errors show themselves: place, text, advice, and the source that they speak of.

use drydock_core::Scope;
use drydock_template::{Settings, Template, TemplateErrors};
use miette::{Diagnostic, SourceSpan};
use std::path::Path;

fn errors(text: &str) -> TemplateErrors {
    let settings = Settings::new(Scope::new("123456789012", "us-east-1"), "stack", "http://127.0.0.1:4566");
    let plan = Template::parse("template.yaml", text).and_then(|template| template.plan(&settings));
    plan.map_or_else(|errors| errors, |plan| unreachable!("this template is wrong, but planned: {plan:?}"))
}

#[test]
fn an_error_is_a_diagnostic_with_its_source() {
    let text = "Resources:\n  Bucket:\n    Type: AWS::IoT::JobTemplate\n";
    let errors = errors(text);
    assert_eq!(
        errors.to_string(),
        "template.yaml:3:11: resource `Bucket` is of type `AWS::IoT::JobTemplate`, which is not implemented here\n  \
         help: to leave it to AWS, add `Metadata: {Drydock: aws-only}` to it"
    );
    let error = errors.iter().next().unwrap();
    let label = error.labels().unwrap().next().unwrap();
    let span = SourceSpan::from((label.offset(), label.len()));
    let contents = error.source_code().unwrap().read_span(&span, 0, 0).unwrap();
    assert_eq!(contents.line(), 2);
    assert_eq!(&text[label.offset()..label.offset() + label.len()], "AWS::IoT::JobTemplate");
    assert_eq!(error.place().to_string(), "template.yaml:3:11");
}

#[test]
fn several_errors_are_related() {
    let errors = errors("Resources:\n  A: {Type: AWS::IoT::JobTemplate}\n  B: {Type: AWS::IoT::JobTemplate}\n");
    assert_eq!(errors.iter().count(), 2);
    assert_eq!(errors.related().unwrap().count(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Template::from_path(Path::new("/nowhere/template.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/template.yaml:1:1: cannot read the template: "), "{error}");
}
