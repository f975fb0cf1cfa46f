//! Who a device is that sends a request over HTTPS: by its certificate, through a custom authorizer, or both, as its domain
//! wants it or else as it chose.

use crate::gateway::Gateway;
use crate::http::answer::{forbidden, json_error, unauthorized};
use crate::peer::TlsPeer;
use bytes::Bytes;
use drydock_core::names::short;
use drydock_gate::authorizer::{Granted, Question};
use drydock_gate::certificate::{DeviceCertificate, Standing, ask_callback, present};
use drydock_gate::connect_authorizer::{choose, denied, http_context, shown_certificate, tls_context, unanswered};
use drydock_gate::credential::HttpRequestFacts;
use drydock_gate::session::{HttpsSession, Source};
use drydock_host::logs::unproven::{Over, Unproven};
use drydock_host::notice::{Notice, Tone, Topic};
use drydock_identity::authorizer::{Occasion, Presented};
use drydock_identity::book::domains::Domain;
use drydock_model::iot::AuthenticationType;
use http::{Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

/// One request, and the connection that it came on.
pub(super) struct Visit<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) request: &'a HttpRequestFacts,
    pub(super) tls: &'a TlsPeer,
    pub(super) remote: SocketAddr,
    pub(super) domain: &'a Domain,
}

impl Visit<'_> {
    /// What the device may do, or the answer that it gets instead.
    pub(super) async fn identify(&self) -> Result<HttpsSession, Response<Bytes>> {
        let headers = self.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let presented = Presented::in_http(headers, &self.request.query);
        match self.domain.authentication {
            AuthenticationType::AwsX509 => self.by_certificate().await,
            AuthenticationType::CustomAuth => self.by_authorizer(presented, None).await,
            AuthenticationType::CustomAuthX509 => {
                let certificate = self.certificate().await?;
                self.by_authorizer(presented, Some(certificate)).await
            }
            AuthenticationType::AwsSigv4 => {
                let text = format!(
                    "NOT_AUTHENTICATED: the domain configuration `{}` is for signed requests",
                    self.domain.name
                );
                Err(self.refuse(AuthenticationType::AwsSigv4, "", &text, forbidden(self.gateway)))
            }
            // "x-amzn-http-ca" asks for the certificate, as port 8443 does on AWS; on 443 without it an authorizer is meant.
            AuthenticationType::Default => {
                let pinned = self.tls.alpn.as_deref() == Some(b"x-amzn-http-ca");
                if pinned || (!self.tls.chain.is_empty() && presented.authorizer().is_none()) {
                    self.by_certificate().await
                } else {
                    self.by_authorizer(presented, None).await
                }
            }
        }
    }

    async fn by_certificate(&self) -> Result<HttpsSession, Response<Bytes>> {
        let certificate = self.certificate().await?;
        let subject = short(&certificate.id).to_owned();
        Ok(self.session(&subject, Source { certificate: Some(certificate), returned: None }))
    }

    /// The certificate of the TLS handshake, where it may be used.
    async fn certificate(&self) -> Result<DeviceCertificate, Response<Bytes>> {
        let books = &self.gateway.host.books;
        let server_name = self.tls.server_name.as_deref();
        let way = match self.domain.authentication {
            AuthenticationType::CustomAuthX509 => AuthenticationType::CustomAuthX509,
            _ => AuthenticationType::AwsX509,
        };
        let certificate = match present(books, &self.tls.chain, server_name).await {
            Standing::Active(certificate) => *certificate,
            Standing::Pending(id) => {
                let why = format!("certificate {id} is PENDING_ACTIVATION");
                let reason = format!("DEVICE_CERTIFICATE_INACTIVE: {why}");
                return Err(self.refuse(way, id.as_str(), &reason, unauthorized(&why)));
            }
            Standing::Refused { id, why, .. } => {
                let principal = id.as_ref().map_or("", |id| id.as_str());
                return Err(self.refuse(way, principal, &why, unauthorized(&why)));
            }
            Standing::Unknown(why) => {
                return Err(json_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", &why));
            }
        };
        let authorizer_client = &self.gateway.services.authorizer_client;
        match ask_callback(authorizer_client, self.domain, &self.tls.chain, &certificate, server_name).await {
            Ok(()) => Ok(certificate),
            Err(why) => Err(self.refuse(way, certificate.id.as_str(), &why, forbidden(self.gateway))),
        }
    }

    /// Through a custom authorizer. Its function is asked for each request, or once for the connection where the authorizer
    /// lets HTTP keep its answers.
    async fn by_authorizer(
        &self,
        presented: Presented,
        certificate: Option<DeviceCertificate>,
    ) -> Result<HttpsSession, Response<Bytes>> {
        let books = &self.gateway.host.books;
        let id = certificate.as_ref().map(|certificate| certificate.id.clone());
        let refuse = |why: &str, answer| {
            let (way, principal) = match &id {
                Some(id) => (AuthenticationType::CustomAuthX509, id.as_str()),
                None => (AuthenticationType::CustomAuth, ""),
            };
            self.refuse(way, principal, why, answer)
        };
        if !self.request.path.starts_with("/topics/") {
            let text = "NOT_AUTHENTICATED: over HTTPS a custom authorizer lets devices publish and do nothing else";
            return Err(refuse(text, forbidden(self.gateway)));
        }
        let (name, row) = choose(books, &presented, self.domain)
            .map_err(|error| refuse(&format!("CUSTOM_AUTHORIZER_NOT_FOUND: {error}"), forbidden(self.gateway)))?;
        let kept = row.caching_for_http.then(|| self.tls.kept.find(&name, &presented, books.now())).flatten();
        let granted = match kept {
            Some(granted) => granted,
            None => {
                let occasion = Occasion {
                    tls: tls_context(self.tls.server_name.as_deref()),
                    http: Some(http_context(&self.request.headers, &self.request.query)),
                    certificate: certificate.as_ref().and_then(|shown| shown_certificate(shown, &self.tls.chain)),
                    connection_id: Some(books.ids.uuid().to_string()),
                    ..Occasion::default()
                };
                let question = Question::new(&name, &row, &presented, occasion);
                let asked = self.gateway.services.authorizer_client.ask(
                    &name,
                    &row,
                    question.signature.as_deref(),
                    &question.occasion,
                );
                let granted: Arc<Granted> = match asked.await {
                    Ok(Some(granted)) => Arc::new(granted),
                    Ok(None) => return Err(refuse(&denied(&name), unauthorized("Unauthorized"))),
                    Err(error) if error.is_the_devices() => {
                        return Err(refuse(&unanswered(&name, &error), unauthorized("Unauthorized")));
                    }
                    Err(error) => return Err(refuse(&unanswered(&name, &error), forbidden(self.gateway))),
                };
                if row.caching_for_http {
                    self.tls.kept.keep(&name, presented, &granted, books.now());
                }
                granted
            }
        };
        let source = Source { certificate, returned: Some(granted.policies.clone()) };
        Ok(self.session(&granted.authorized.principal_id, source))
    }

    fn session(&self, subject: &str, source: Source) -> HttpsSession {
        let gateway = self.gateway;
        let server_name = self.tls.server_name.as_deref();
        HttpsSession::new(&gateway.host.books, &gateway.host.told.notices, subject, source, self.remote, server_name)
    }

    /// Tells why, and logs it; the device gets the answer alone.
    pub(super) fn refuse(
        &self,
        way: AuthenticationType,
        principal: &str,
        why: &str,
        answer: Response<Bytes>,
    ) -> Response<Bytes> {
        let client = Unproven {
            over: Over::Http,
            way,
            client_id: "",
            principal,
            remote: self.remote,
            local: Some(self.tls.local),
            server_name: self.tls.server_name.as_deref(),
        };
        self.gateway.host.told.logs.unproven(client, why);
        self.gateway.host.told.notices.tell(|| Notice {
            at: self.gateway.host.books.now(),
            tone: Tone::Bad,
            topic: Topic::Refusal,
            subject: self.remote.to_string(),
            text: format!("{} refused: {why}", self.request.path),
            reasons: Vec::new(),
        });
        answer
    }
}
