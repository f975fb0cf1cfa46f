//! An operation of a service: its types, and what the service model says of it.

use crate::schema::Shape;
use crate::wire::Wire;
use drydock_core::ErrorCode;
use std::fmt;

/// A service whose model is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The control plane.
    Iot,
    /// The data plane: publishing, retained messages, shadows.
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
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

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
macro_rules! operations {
    ($service:ident; $(
        $name:ident($input:ident) $(-> $output:ident)? = $method:ident $uri:literal $status:literal [$($error:ident)*];
    )*) => {
        $(
            #[doc = concat!("`", stringify!($method), " ", $uri, "`.")]
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl $crate::operation::Operation for $name {
                type Input = shapes::$input;
                type Output = $crate::operation::operations!(@type $($output)?);
                const META: &'static $crate::operation::OperationMeta = &$crate::operation::OperationMeta {
                    name: stringify!($name),
                    service: $crate::operation::Service::$service,
                    method: stringify!($method),
                    uri: $uri,
                    status: $status,
                    input_shape: &schema::$input,
                    output_shape: $crate::operation::operations!(@shape $($output)?),
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

pub(crate) use operations;
