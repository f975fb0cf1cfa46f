//! Logging options: "SetV2LoggingOptions", "SetV2LoggingLevel" and their like, and the older "SetLoggingOptions".

use crate::call::Call;
use drydock_core::{ApiError, Done};
use drydock_logging::Logging;
use drydock_model::Router;
use drydock_model::iot::ops;

/// Changes the options, then lets what happens meet them as they are now.
async fn change(call: &Call, command: impl FnOnce(&mut Logging) -> Result<Done<()>, ApiError>) -> Result<(), ApiError> {
    let done = call.books().apply(&call.books().logging, command).await;
    call.host().told.logs.refresh();
    done
}

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::SetV2LoggingOptions>(|call: Call, input| async move {
        change(&call, |book| book.set_v2_logging_options(input)).await
    });
    router.on::<ops::SetV2LoggingLevel>(|call: Call, input| async move {
        change(&call, |book| book.set_v2_logging_level(&input)).await
    });
    router.on::<ops::DeleteV2LoggingLevel>(|call: Call, input| async move {
        change(&call, |book| book.delete_v2_logging_level(&input)).await
    });
    router.on::<ops::SetLoggingOptions>(|call: Call, input| async move {
        change(&call, |book| book.set_logging_options(input)).await
    });
    router.on::<ops::GetV2LoggingOptions>(|call: Call, input| async move {
        call.books().logging.read(|book| book.get_v2_logging_options(&input))
    });
    router.on::<ops::ListV2LoggingLevels>(|call: Call, input| async move {
        call.books().logging.read(|book| book.list_v2_logging_levels(&input))
    });
    router.on::<ops::GetLoggingOptions>(|call: Call, _| async move {
        Ok(call.books().logging.read(Logging::get_logging_options))
    });
}
