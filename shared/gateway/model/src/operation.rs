//! An operation of a service: its types, and what the service model says of it.

use crate::schema::Shape;
use crate::wire::Wire;
use drydock_core::{ErrorCode, Service};
use std::sync::OnceLock;

/// What the service model says of an operation.
#[derive(Debug, Clone, Copy)]
pub struct OperationMeta {
    /// Its name, such as `CreateThing`.
    pub name: &'static str,
    /// The service it belongs to.
    pub service: Service,
    /// HTTP method.
    pub method: &'static str,
    /// Path with its labels, such as `/things/{thingName}`.
    pub uri: &'static str,
    /// HTTP status of success.
    pub status: u16,
    /// Shape of the input.
    pub input_shape: &'static Shape,
    /// Shape of the output, where there is one.
    pub output_shape: Option<&'static Shape>,
    /// Errors it declares.
    pub errors: &'static [ErrorCode],
}

impl OperationMeta {
    /// The error that answers a malformed or invalid request: `InvalidRequestException`, and `ValidationException` for the
    /// operations that declare it instead.
    #[must_use]
    pub fn invalid_code(&self) -> ErrorCode {
        let declares = |code| self.errors.contains(&code);
        if declares(ErrorCode::ValidationException) && !declares(ErrorCode::InvalidRequestException) {
            ErrorCode::ValidationException
        } else {
            ErrorCode::InvalidRequestException
        }
    }
}

/// Every operation of every service: by service, then by name.
#[must_use]
pub fn operations() -> &'static [OperationMeta] {
    static OPERATIONS: OnceLock<Vec<OperationMeta>> = OnceLock::new();
    OPERATIONS.get_or_init(|| Service::ALL.into_iter().flat_map(of_service).map(|meta| **meta).collect())
}

/// The operations of a service, by name.
#[must_use]
pub fn of_service(service: Service) -> &'static [&'static OperationMeta] {
    match service {
        Service::Iot => crate::iot::ops::ALL,
        Service::IotData => crate::iot_data::ops::ALL,
        Service::IotJobsData => crate::iot_jobs_data::ops::ALL,
    }
}

/// An operation as a type, so that a handler's input and output are known.
pub trait Operation {
    /// The input.
    type Input: Wire;
    /// The output; `()` where there is none.
    type Output: Wire;
    /// What the service model says of it.
    const META: &'static OperationMeta;
}

/// Operations of a service.
macro_rules! define_operations {
    ($service:ident; $(
        $name:ident($input:ident) $(-> $output:ident)? = $method:ident $uri:literal $status:literal [$($error:ident)*];
    )*) => {
        $(
            #[doc = concat!("`", stringify!($method), " ", $uri, "`.")]
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl $crate::operation::Operation for $name {
                type Input = shapes::$input;
                type Output = $crate::operation::define_operations!(@type $($output)?);
                const META: &'static $crate::operation::OperationMeta = &$crate::operation::OperationMeta {
                    name: stringify!($name),
                    service: drydock_core::Service::$service,
                    method: stringify!($method),
                    uri: $uri,
                    status: $status,
                    input_shape: &schema::$input,
                    output_shape: $crate::operation::define_operations!(@shape $($output)?),
                    errors: &[$(drydock_core::ErrorCode::$error),*],
                };
            }
        )*

        /// Every operation of the service, by name.
        pub static ALL: &[&$crate::operation::OperationMeta] =
            &[$(<$name as $crate::operation::Operation>::META),*];
    };
    (@type $output:ident) => { shapes::$output };
    (@type) => { () };
    (@shape $output:ident) => { Some(&schema::$output) };
    (@shape) => { None };
}

pub(crate) use define_operations;
