//! Domain configurations: the names that devices may call the gateway by, and how they prove who they are there.
//!
//! Follows "Managing domain configurations" and "Protocols, port mappings, and authentication" of the AWS IoT Core developer
//! guide. Server certificates of ACM are taken by their ARN alone: the gateway signs one of its own for each name.

use super::authorizers::DomainAuthorizer;
use super::{DOMAINS, Identity, json};
use drydock_core::{ApiError, Done, ErrorCode, Ids, Scope, Timestamp, Write, page};
use drydock_model::iot::{
    ApplicationProtocol, AuthenticationType, AuthorizerConfig, ClientCertificateConfig,
    CreateDomainConfigurationRequest, CreateDomainConfigurationResponse, DeleteDomainConfigurationRequest,
    DeleteDomainConfigurationResponse, DescribeDomainConfigurationRequest, DescribeDomainConfigurationResponse,
    DomainConfigurationStatus, DomainConfigurationSummary, DomainType, ListDomainConfigurationsRequest,
    ListDomainConfigurationsResponse, ServerCertificateConfig, ServerCertificateStatus, ServerCertificateSummary,
    ServiceType, TlsConfig, UpdateDomainConfigurationRequest, UpdateDomainConfigurationResponse,
};
use serde::{Deserialize, Serialize};

/// The configuration of the account's own endpoint, which is there from the start and cannot be changed.
pub const DEFAULT: &str = "iot:Data-ATS";
/// AWS's own configurations, in the order in which they are listed: the name, what it serves, and the part of its host name
/// between the account's prefix and `iot`.
const OWN: [(&str, ServiceType, &str); 3] = [
    (DEFAULT, ServiceType::Data, "-ats"),
    ("iot:Jobs", ServiceType::Jobs, ".jobs"),
    ("iot:CredentialProvider", ServiceType::CredentialProvider, ".credentials"),
];
/// "Maximum number of domain configurations per account per Region" of the quotas.
const MOST: usize = 10;
const PAGE: i32 = 25;
/// The security policy that the gateway's TLS is: versions 1.2 and 1.3.
const SECURITY_POLICY: &str = "IotSecurityPolicy_TLS13_1_2_2022_10";

/// A domain configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    /// The end of its ARN.
    pub suffix: String,
    /// The host name, in lower case.
    pub domain_name: String,
    /// The ARN of its certificate in ACM, where it is the customer's own; AWS's own domains have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    /// Whether devices may connect.
    pub enabled: bool,
    /// Which authorizer devices meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer: Option<AuthorizerRule>,
    /// How devices prove who they are, in AWS's spelling.
    pub authentication: String,
    /// What they speak, in AWS's spelling.
    pub application: String,
    /// The function that is asked about each client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_callback: Option<String>,
    /// When it was last enabled or disabled.
    pub status_changed: Timestamp,
}

/// Which authorizer the devices of a domain meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizerRule {
    /// The authorizer of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether a device may name another one.
    pub allow_override: bool,
}

/// How the devices of a domain connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The configuration's name.
    pub name: String,
    /// Whether devices may connect.
    pub enabled: bool,
    /// How they prove who they are; `Default` leaves it to port and ALPN.
    pub authentication: AuthenticationType,
    /// What they speak; `Default` leaves it to port and ALPN.
    pub application: ApplicationProtocol,
    /// Which authorizer they meet.
    pub authorizer: Option<DomainAuthorizer>,
    /// The function that is asked about each client certificate.
    pub certificate_callback: Option<String>,
    /// The configuration's ARN, which such a function must allow to call it.
    pub arn: String,
}

impl Identity {
    /// "CreateDomainConfiguration". Without a domain name AWS IoT makes one of its own.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `LimitExceededException` at the eleventh; `InvalidRequestException` for a domain name of
    /// one's own without a certificate, for one that another configuration has, and for ways to connect that do not go together.
    pub fn create_domain_configuration(
        &mut self,
        request: &CreateDomainConfigurationRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateDomainConfigurationResponse>, ApiError> {
        let name = &request.domain_configuration_name;
        if request.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            return Err(ApiError::not_implemented("CreateDomainConfiguration with `tags`"));
        }
        if let Some(row) = self.domains.get(name) {
            let arn = self.domain_arn(name, row);
            // AWS's own words.
            let message = "Domain configuration with given name already exists.";
            return Err(ApiError::exists(message, name.clone(), arn));
        }
        if self.domains.len() >= MOST {
            let message = format!("an account has at most {MOST} domain configurations: delete one that is not needed");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        if request.service_type.is_some_and(|service| service != ServiceType::Data) {
            return Err(ApiError::invalid("`serviceType` must be DATA: AWS IoT Core supports no other"));
        }
        let certificate = request.server_certificate_arns.as_ref().and_then(|arns| arns.first()).cloned();
        let random = ids.uuid().simple().to_string();
        let domain_name = match (&request.domain_name, &certificate) {
            (Some(domain), Some(_)) => self.own_name(domain)?,
            (Some(domain), None) => {
                let message =
                    format!("the domain `{domain}` of your own needs its certificate in `serverCertificateArns`");
                return Err(ApiError::invalid(message));
            }
            (None, Some(_)) => {
                return Err(ApiError::invalid("`serverCertificateArns` needs a `domainName` of your own"));
            }
            (None, None) => {
                format!("d{}-ats.iot.{}.amazonaws.com", random.get(..13).unwrap_or_default(), self.scope.region)
            }
        };
        check_tls(request.tls_config.as_ref(), request.server_certificate_config.as_ref())?;
        let row = DomainRow {
            suffix: random.get(27..).unwrap_or_default().to_owned(),
            domain_name,
            certificate_arn: certificate,
            enabled: true,
            authorizer: request.authorizer_config.as_ref().map(rule),
            authentication: request.authentication_type.unwrap_or(AuthenticationType::Default).as_str().to_owned(),
            application: request.application_protocol.unwrap_or(ApplicationProtocol::Default).as_str().to_owned(),
            certificate_callback: callback(request.client_certificate_config.as_ref()),
            status_changed: now,
        };
        self.check_domain(&row)?;
        let arn = self.domain_arn(name, &row);
        let write = self.keep_domain(name, row);
        let reply = CreateDomainConfigurationResponse {
            domain_configuration_arn: Some(arn),
            domain_configuration_name: Some(name.clone()),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateDomainConfiguration": what the request does not name stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for the account's own endpoint, and as for
    /// "CreateDomainConfiguration".
    pub fn update_domain_configuration(
        &mut self,
        request: &UpdateDomainConfigurationRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateDomainConfigurationResponse>, ApiError> {
        let name = &request.domain_configuration_name;
        let mut row = self.changeable(name)?.clone();
        check_tls(request.tls_config.as_ref(), request.server_certificate_config.as_ref())?;
        if request.remove_authorizer_config == Some(true) {
            if request.authorizer_config.is_some() {
                return Err(ApiError::invalid("`removeAuthorizerConfig` and `authorizerConfig` exclude each other"));
            }
            row.authorizer = None;
        }
        if let Some(config) = &request.authorizer_config {
            row.authorizer = Some(rule(config));
        }
        if let Some(status) = request.domain_configuration_status {
            let enabled = status == DomainConfigurationStatus::Enabled;
            if enabled != row.enabled {
                (row.enabled, row.status_changed) = (enabled, now);
            }
        }
        if let Some(authentication) = request.authentication_type {
            authentication.as_str().clone_into(&mut row.authentication);
        }
        if let Some(application) = request.application_protocol {
            application.as_str().clone_into(&mut row.application);
        }
        if request.client_certificate_config.is_some() {
            row.certificate_callback = callback(request.client_certificate_config.as_ref());
        }
        self.check_domain(&row)?;
        let arn = self.domain_arn(name, &row);
        let write = self.keep_domain(name, row);
        let reply = UpdateDomainConfigurationResponse {
            domain_configuration_arn: Some(arn),
            domain_configuration_name: Some(name.clone()),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeDomainConfiguration", those of the account's own endpoints included.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_domain_configuration(
        &self,
        request: &DescribeDomainConfigurationRequest,
    ) -> Result<Done<DescribeDomainConfigurationResponse>, ApiError> {
        let name = &request.domain_configuration_name;
        if let Some((name, service, infix)) = own(name) {
            return Ok(Done::reply(DescribeDomainConfigurationResponse {
                domain_configuration_arn: Some(self.own_domain_arn(name)),
                domain_name: Some(own_host(&self.scope, infix)),
                domain_type: Some(DomainType::Endpoint),
                server_certificates: Some(Vec::new()),
                service_type: Some(service),
                ..description(name, true, AuthenticationType::Default, ApplicationProtocol::Default)
            }));
        }
        let row = self.known_domain(name)?;
        let certificate = |arn: &String| ServerCertificateSummary {
            server_certificate_arn: Some(arn.clone()),
            server_certificate_status: Some(ServerCertificateStatus::Valid),
            server_certificate_status_detail: None,
        };
        let own = row.certificate_arn.is_some();
        let (authentication, application) = ways(row);
        Ok(Done::reply(DescribeDomainConfigurationResponse {
            domain_configuration_arn: Some(self.domain_arn(name, row)),
            domain_name: Some(row.domain_name.clone()),
            domain_type: Some(if own { DomainType::CustomerManaged } else { DomainType::AwsManaged }),
            server_certificates: Some(row.certificate_arn.iter().map(certificate).collect()),
            authorizer_config: row.authorizer.as_ref().map(|rule| AuthorizerConfig {
                allow_authorizer_override: Some(rule.allow_override),
                default_authorizer_name: rule.default.clone(),
            }),
            client_certificate_config: row
                .certificate_callback
                .clone()
                .map(|arn| ClientCertificateConfig { client_certificate_callback_arn: Some(arn) }),
            last_status_change_date: Some(row.status_changed),
            ..description(name, row.enabled, authentication, application)
        }))
    }

    /// "ListDomainConfigurations": the account's own endpoints first, then the others by their names.
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_domain_configurations(
        &self,
        request: &ListDomainConfigurationsRequest,
    ) -> Result<Done<ListDomainConfigurationsResponse>, ApiError> {
        const OPERATION: &str = "ListDomainConfigurations";
        let after = request.marker.as_deref().map(|marker| page::place(OPERATION, marker)).transpose()?;
        let summary = |name: &str, service: ServiceType, arn: String| DomainConfigurationSummary {
            domain_configuration_arn: Some(arn),
            domain_configuration_name: Some(name.to_owned()),
            service_type: Some(service),
        };
        let own_ones = OWN.iter().map(|(name, service, _)| summary(name, *service, self.own_domain_arn(name)));
        let others =
            self.domains.iter().map(|(name, row)| summary(name, ServiceType::Data, self.domain_arn(name, row)));
        let key = |one: &DomainConfigurationSummary| one.domain_configuration_name.clone().unwrap_or_default();
        // The places of AWS's own are before all others, whatever their names.
        let place = |name: &str| (OWN.iter().position(|(own, ..)| *own == name).unwrap_or(OWN.len()), name.to_owned());
        let after = after.as_deref().map(place);
        let wanted = |one: &DomainConfigurationSummary| {
            request.service_type.is_none_or(|service| one.service_type == Some(service))
                && after.as_ref().is_none_or(|after| place(&key(one)) > *after)
        };
        let limit = usize::try_from(request.page_size.unwrap_or(PAGE)).unwrap_or(1);
        let (found, next) = page::cut(own_ones.chain(others).filter(wanted), limit, key);
        let next_marker = next.map(|place| page::token(OPERATION, &place));
        Ok(Done::reply(ListDomainConfigurationsResponse { domain_configurations: Some(found), next_marker }))
    }

    /// "DeleteDomainConfiguration".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it is enabled, or the account's own endpoint.
    pub fn delete_domain_configuration(
        &mut self,
        request: &DeleteDomainConfigurationRequest,
    ) -> Result<Done<DeleteDomainConfigurationResponse>, ApiError> {
        let name = &request.domain_configuration_name;
        if self.changeable(name)?.enabled {
            let message = format!("the domain configuration `{name}` is ENABLED: disable it before it is deleted");
            return Err(ApiError::invalid(message));
        }
        self.domains.remove(name);
        Ok(Done::written(DeleteDomainConfigurationResponse {}, vec![Write::delete(DOMAINS, name.as_str())]))
    }

    /// Whether a host name is that of a domain configuration.
    #[must_use]
    pub fn is_domain(&self, name: &str) -> bool {
        self.domains.values().any(|row| row.domain_name.eq_ignore_ascii_case(name))
    }

    /// The configuration of the host name that a device asks for (SNI). Whatever is nobody's name is the account's own endpoint.
    #[must_use]
    pub fn domain(&self, server_name: Option<&str>) -> Domain {
        let found = server_name.and_then(|asked| {
            self.domains.iter().find(|(_, row)| row.domain_name.eq_ignore_ascii_case(asked.trim_end_matches('.')))
        });
        let Some((name, row)) = found else {
            return Domain {
                name: DEFAULT.to_owned(),
                enabled: true,
                authentication: AuthenticationType::Default,
                application: ApplicationProtocol::Default,
                authorizer: None,
                certificate_callback: None,
                arn: self.own_domain_arn(DEFAULT),
            };
        };
        let (authentication, application) = ways(row);
        Domain {
            name: name.clone(),
            enabled: row.enabled,
            authentication,
            application,
            authorizer: row
                .authorizer
                .as_ref()
                .map(|rule| DomainAuthorizer { default: rule.default.clone(), allow_override: rule.allow_override }),
            certificate_callback: row.certificate_callback.clone(),
            arn: self.domain_arn(name, row),
        }
    }

    fn known_domain(&self, name: &str) -> Result<&DomainRow, ApiError> {
        self.domains.get(name).ok_or_else(|| {
            ApiError::not_found(format!("there is no domain configuration `{name}`: see ListDomainConfigurations"))
        })
    }

    fn changeable(&self, name: &str) -> Result<&DomainRow, ApiError> {
        if own(name).is_some() {
            return Err(ApiError::invalid(format!("`{name}`, the account's own endpoint, cannot be changed")));
        }
        self.known_domain(name)
    }

    /// A host name of the customer's own, in lower case.
    fn own_name(&self, domain: &str) -> Result<String, ApiError> {
        let name = domain.to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !name.contains('.') || !name.split('.').all(label) || name.ends_with(".amazonaws.com") {
            return Err(ApiError::invalid(format!("`{domain}` is not a fully qualified domain name of your own")));
        }
        match self.domains.iter().find(|(_, row)| row.domain_name == name) {
            Some((other, _)) => {
                Err(ApiError::invalid(format!("the domain `{domain}` has the configuration `{other}` already")))
            }
            None => Ok(name),
        }
    }

    /// What must hold of each configuration, new or changed.
    fn check_domain(&self, row: &DomainRow) -> Result<(), ApiError> {
        use ApplicationProtocol as App;
        use AuthenticationType as Auth;
        let (authentication, application) = ways(row);
        let together = match authentication {
            Auth::Default => application == App::Default,
            Auth::CustomAuthX509 | Auth::AwsX509 => matches!(application, App::SecureMqtt | App::Https),
            Auth::AwsSigv4 => matches!(application, App::MqttWss | App::Https),
            Auth::CustomAuth => application != App::Default,
        };
        if !together {
            return Err(ApiError::invalid(format!(
                "the authentication type {} does not go with the application protocol {}",
                row.authentication, row.application
            )));
        }
        if let Some(name) = row.authorizer.as_ref().and_then(|rule| rule.default.as_deref())
            && !self.authorizers.contains_key(name)
        {
            return Err(ApiError::invalid(format!("there is no authorizer `{name}`: see ListAuthorizers")));
        }
        if row.certificate_callback.is_some() && !matches!(authentication, Auth::AwsX509 | Auth::CustomAuthX509) {
            let message = "`clientCertificateConfig` needs an authentication type with a client certificate: AWS_X509 or CUSTOM_AUTH_X509";
            return Err(ApiError::invalid(message));
        }
        Ok(())
    }

    fn keep_domain(&mut self, name: &str, row: DomainRow) -> Write {
        let write = Write::put(DOMAINS, name, json(&row));
        self.domains.insert(name.to_owned(), row);
        write
    }

    fn domain_arn(&self, name: &str, row: &DomainRow) -> String {
        self.scope.arn("iot", &format!("domainconfiguration/{name}/{}", row.suffix)).into()
    }

    fn own_domain_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("domainconfiguration/{name}")).into()
    }
}

/// The host name of the account's own endpoint, as `DescribeEndpoint` would give it on AWS: a prefix of the account, always the
/// same.
#[must_use]
pub fn endpoint_name(scope: &Scope) -> String {
    own_host(scope, "-ats")
}

/// The host name of the account's credentials provider.
#[must_use]
pub fn credentials_name(scope: &Scope) -> String {
    own_host(scope, ".credentials")
}

fn own_host(scope: &Scope, infix: &str) -> String {
    format!("a{}{infix}.iot.{}.amazonaws.com", scope.account, scope.region)
}

/// One of AWS's own configurations.
fn own(name: &str) -> Option<(&'static str, ServiceType, &'static str)> {
    OWN.into_iter().find(|(own, ..)| *own == name)
}

fn rule(config: &AuthorizerConfig) -> AuthorizerRule {
    AuthorizerRule {
        default: config.default_authorizer_name.clone(),
        allow_override: config.allow_authorizer_override == Some(true),
    }
}

fn callback(config: Option<&ClientCertificateConfig>) -> Option<String> {
    config.and_then(|config| config.client_certificate_callback_arn.clone()).filter(|arn| !arn.is_empty())
}

/// How the devices of a row connect; its words were the model's when it was kept.
fn ways(row: &DomainRow) -> (AuthenticationType, ApplicationProtocol) {
    let authentication = row.authentication.parse().unwrap_or(AuthenticationType::Default);
    (authentication, row.application.parse().unwrap_or(ApplicationProtocol::Default))
}

/// Refuses what the gateway's TLS would not do.
fn check_tls(tls: Option<&TlsConfig>, certificate: Option<&ServerCertificateConfig>) -> Result<(), ApiError> {
    let policy = tls.and_then(|tls| tls.security_policy.as_deref());
    if let Some(policy) = policy.filter(|policy| *policy != SECURITY_POLICY) {
        return Err(ApiError::not_implemented(&format!("the security policy `{policy}` of a domain configuration")));
    }
    if certificate.is_some_and(|config| config.enable_ocsp_check == Some(true)) {
        return Err(ApiError::not_implemented("`enableOCSPCheck` of a domain configuration"));
    }
    Ok(())
}

fn description(
    name: &str,
    enabled: bool,
    authentication: AuthenticationType,
    application: ApplicationProtocol,
) -> DescribeDomainConfigurationResponse {
    let status = if enabled { DomainConfigurationStatus::Enabled } else { DomainConfigurationStatus::Disabled };
    DescribeDomainConfigurationResponse {
        domain_configuration_name: Some(name.to_owned()),
        domain_configuration_status: Some(status),
        service_type: Some(ServiceType::Data),
        tls_config: Some(TlsConfig { security_policy: Some(SECURITY_POLICY.to_owned()) }),
        authentication_type: Some(authentication),
        application_protocol: Some(application),
        ..DescribeDomainConfigurationResponse::default()
    }
}
