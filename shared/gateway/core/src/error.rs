//! The errors that AWS IoT's control and data planes show their callers: a closed set of codes, each with its HTTP status,
//! from the service models of `iot`, `iot-data` and `iot-jobs-data`.

use std::borrow::Cow;
use std::fmt;

/// An AWS service whose API the gateway answers for AWS IoT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The control plane.
    Iot,
    /// The data plane: publishing, retained messages, connections, shadows.
    IotData,
    /// The jobs data plane.
    IotJobsData,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::Iot, Self::IotData, Self::IotJobsData];

    /// The name of the service in the AWS CLI and in botocore.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::IotData => "iot-data",
            Self::IotJobsData => "iot-jobs-data",
        }
    }

    /// The name of the service in the scope of a SigV4 signature.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::IotData => "iotdata",
            Self::IotJobsData => "iot-jobs-data",
        }
    }

    /// The service that a SigV4 scope names.
    #[must_use]
    pub fn from_signing_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.signing_name() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal,)*) => {
        /// The name of an error, as the `x-amzn-errortype` header carries it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are AWS's own; each is described in the API reference of AWS IoT")]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// The name as AWS spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status that goes with it; where the services differ, the data planes' (see [`status_in`]).
            ///
            /// [`status_in`]: Self::status_in
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The code with AWS's name for it.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    CertificateConflictException = 409,
    CertificateStateException = 406,
    CertificateValidationException = 400,
    ConflictException = 409,
    ConflictingResourceUpdateException = 409,
    DeleteConflictException = 409,
    ForbiddenException = 403,
    GatewayTimeoutException = 504,
    IndexNotReadyException = 400,
    InternalException = 500,
    InternalFailureException = 500,
    InternalServerException = 500,
    InvalidAggregationException = 400,
    InvalidQueryException = 400,
    InvalidRequestException = 400,
    InvalidResponseException = 400,
    InvalidStateTransitionException = 409,
    LimitExceededException = 410,
    MalformedPolicyException = 400,
    MethodNotAllowedException = 405,
    NotConfiguredException = 404,
    RegistrationCodeValidationException = 400,
    RequestEntityTooLargeException = 413,
    ResourceAlreadyExistsException = 409,
    ResourceNotFoundException = 404,
    ResourceRegistrationFailureException = 400,
    ServiceQuotaExceededException = 402,
    ServiceUnavailableException = 503,
    SqlParseException = 400,
    TaskAlreadyExistsException = 400,
    TerminalStateException = 410,
    ThrottlingException = 429,
    TransferAlreadyCompletedException = 410,
    TransferConflictException = 409,
    UnauthorizedException = 401,
    UnsupportedDocumentEncodingException = 415,
    ValidationException = 400,
    VersionConflictException = 409,
    VersionsLimitExceededException = 409,
    /// Not in a model: what AWS's front ends answer to a path that is not an operation's.
    UnknownOperationException = 404,
    /// Not one of AWS's: the operation is known and not written yet.
    NotImplementedException = 501,
}

impl ErrorCode {
    /// The HTTP status that goes with it in a service. Only throttling differs: the control plane answers 400, the data
    /// planes 429.
    #[must_use]
    pub fn status_in(self, service: Service) -> u16 {
        match (self, service) {
            (Self::ThrottlingException, Service::Iot) => 400,
            _ => self.status(),
        }
    }
}

/// An error as a caller of the AWS API sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Which error.
    pub code: ErrorCode,
    /// What was wrong, where, and what to do.
    pub message: Cow<'static, str>,
    /// `resourceId` and `resourceArn` of a `ResourceAlreadyExistsException`.
    pub resource: Option<(String, String)>,
}

impl ApiError {
    /// An error with a message.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), resource: None }
    }

    /// An `InvalidRequestException`.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequestException, message)
    }

    /// A `ResourceNotFoundException`.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::ResourceNotFoundException, message)
    }

    /// A `ResourceAlreadyExistsException` with the resource that exists.
    pub fn exists(message: impl Into<Cow<'static, str>>, id: impl Into<String>, arn: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::ResourceAlreadyExistsException,
            message: message.into(),
            resource: Some((id.into(), arn.into())),
        }
    }

    /// A 501 that names what is not written yet.
    #[must_use]
    pub fn not_implemented(what: &str) -> Self {
        Self::new(ErrorCode::NotImplementedException, format!("{what} is not implemented by this gateway"))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for ApiError {}

impl From<crate::names::InvalidName> for ApiError {
    fn from(error: crate::names::InvalidName) -> Self {
        Self::invalid(error.to_string())
    }
}
