//! `drydock audit`: the checks of Device Defender on templates, without a gateway.

use drydock_tests::gateway::{Place, command};
use serde_json::{Value, json};

const WIDE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Root:
    Type: String
Resources:
  Narrow:
    Type: AWS::IoT::Policy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iot:Connect
            Resource: !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:client/${!iot:Connection.Thing.ThingName}"
            Condition: {Bool: {iot:Connection.Thing.IsAttached: "true"}}
          - Effect: Allow
            Action: iot:Publish
            Resource: !Join ["", ["arn:aws:iot:", !Ref AWS::Region, ":", !Ref AWS::AccountId, ":topic/", !Ref Root, "/x"]]
  Wide:
    Type: AWS::IoT::Policy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iot:Publish
            Resource: !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:topic/one"
          - Effect: Allow
            Action: iot:*
            Resource: "*"
  Kept:
    Type: AWS::IoT::Policy
    Metadata:
      DrydockAudit:
        - Check: IOT_POLICY_OVERLY_PERMISSIVE_CHECK
          Reason: It is for the test bench alone.
    Properties:
      PolicyDocument: '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}'
  Fleet:
    Type: AWS::IoT::ProvisioningTemplate
    Properties:
      ProvisioningRoleArn: !GetAtt Role.Arn
      TemplateBody: |
        {"Resources": {"policy": {"Type": "AWS::IoT::Policy", "Properties": {
          "PolicyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\"Resource\":\"*\"}]}"}}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: s3:PutObject
                Resource: "*"
              - Effect: Allow
                Action: iam:GetRole
                Resource: "*"
  Attached:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Role]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "dynamodb:*", Resource: "*"}]
  Alias:
    Type: AWS::IoT::RoleAlias
    Properties:
      RoleArn: !GetAtt Role.Arn
  Pool:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: pool
      Roles:
        unauthenticated: !GetAtt Guest.Arn
  Guest:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement: [{Effect: Allow, Action: "iot:DescribeThing", Resource: "arn:aws:iot:us-east-1:123456789012:thing/one"}]
  Logs:
    Type: AWS::IoT::Logging
    Properties:
      AccountId: !Ref AWS::AccountId
      DefaultLogLevel: DISABLED
      RoleArn: !GetAtt Role.Arn
"#;

/// What the command prints, and whether it ends well.
fn audit(place: &Place, arguments: &[&str]) -> (String, Option<i32>, String) {
    let output = command().arg("audit").args(arguments).current_dir(place.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), output.status.code(), text(&output.stderr))
}

#[test]
fn a_templates_policies_and_roles_are_judged_with_their_lines() {
    let place = Place::new(WIDE);
    let (out, code, _) = audit(&place, &["template.yaml", "--json"]);
    assert_eq!(code, Some(1));
    let found: Value = serde_json::from_str(&out).unwrap();
    let line = |text: &str| 1 + WIDE.lines().position(|line| line.contains(text)).unwrap();
    let findings: Vec<(String, String, u64)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("resource"), text("reason"), one["place"]["line"].as_u64().unwrap())
        })
        .collect();
    let has = |resource: &str, reason: &str, at: usize| {
        let wanted = (resource.to_owned(), reason.to_owned(), at as u64);
        assert!(findings.contains(&wanted), "{wanted:?} is not among {findings:#?}");
    };
    let broad = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS";
    has("Wide", broad, line("Action: iot:*") - 1);
    has("Kept", broad, line("PolicyDocument: '"));
    // The text begins on the line after its key.
    has("Fleet", broad, line("TemplateBody") + 1);
    has("Alias", "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES", line("Action: iam:GetRole") - 1);
    has("Alias", "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES", line("dynamodb:*"));
    has("Pool", "ALLOWS_ACCESS_TO_IOT_ADMIN_ACTIONS", line("iot:DescribeThing"));
    has("Logs", "LOGGING_DISABLED", line("DefaultLogLevel"));
    assert_eq!(findings.len(), 7, "{findings:#?}");
    assert_eq!(found["lookedAt"], 7);

    let (out, code, _) = audit(&place, &["--sarif"]);
    assert_eq!(code, Some(1));
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let kept = results.iter().find(|one| one["suppressions"] != json!([])).unwrap();
    assert_eq!(kept["suppressions"][0]["justification"], "It is for the test bench alone.");
    assert_eq!(kept["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "template.yaml");
    assert!(results.iter().all(|one| one["level"] == "error" || one["ruleId"] == "LOGGING_DISABLED_CHECK"));

    let (out, code, _) = audit(&place, &["template.yaml"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("6 findings on the 7 resources") && out.contains("is suppressed: It is for"), "{out}");
}

#[test]
fn what_is_below_the_severity_or_suppressed_with_a_reason_lets_a_template_pass() {
    let logging = WIDE.split("  Logs:").nth(1).unwrap();
    let place = Place::new(&format!("Resources:\n  Logs:{logging}"));
    assert_eq!(audit(&place, &["--severity", "medium"]).1, Some(0));
    assert_eq!(audit(&place, &["--severity", "low"]).1, Some(1));
    let suppressed = |metadata: &str| {
        let text = format!("Resources:\n  Logs:\n    Metadata: {metadata}{logging}");
        let place = Place::new(&text);
        let (_, code, error) = audit(&place, &[]);
        (code, error)
    };
    assert_eq!(suppressed("{DrydockAudit: [{Check: LOGGING_DISABLED_CHECK, Reason: elsewhere}]}").0, Some(0));
    for (metadata, why) in [
        ("{DrydockAudit: [{Check: LOGGING_DISABLED_CHECK}]}", "needs a `Reason`"),
        ("{DrydockAudit: [{Check: NO_CHECK, Reason: x}]}", "`NO_CHECK` is not an audit check"),
        ("{DrydockAudit: yes}", "a list of suppressions"),
    ] {
        let (code, error) = suppressed(metadata);
        assert!(code != Some(0) && error.contains(why), "{metadata}: {error}");
    }
}
