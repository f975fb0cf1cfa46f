//! The operations of fleet metrics.

use crate::call::Call;
use drydock_host::tags;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_registry::tags::NewTags;

pub(crate) fn register(router: &mut Router<Call>) {
    router.on::<ops::CreateFleetMetric>(|call: Call, input| async move {
        let books = call.books();
        let tags = NewTags::read(input.tags.as_deref())?;
        call.services.fleet_metrics.is_ready(input.index_name.as_deref())?;
        let change = books.change((&books.indexing, &books.tags), |(indexing, kept)| {
            let was_there = indexing.has_fleet_metric(&input.metric_name);
            let reply = indexing.apply(|book| book.create_fleet_metric(input, &books.scope, books.now()))?;
            tags::keep(kept, reply.metric_arn.as_deref().filter(|_| !was_there), tags)?;
            Ok(reply)
        });
        let reply = change.await?;
        call.services.fleet_metrics.look_again();
        Ok(reply)
    });
    router.on::<ops::UpdateFleetMetric>(|call: Call, input| async move {
        let books = call.books();
        call.services.fleet_metrics.is_ready(Some(&input.index_name))?;
        books.apply(&books.indexing, |book| book.update_fleet_metric(input, books.now())).await?;
        call.services.fleet_metrics.look_again();
        Ok(())
    });
    router.on::<ops::DeleteFleetMetric>(|call: Call, input| async move {
        let books = call.books();
        let change = books.change((&books.indexing, &books.tags), |(indexing, kept)| {
            indexing.apply(|book| book.delete_fleet_metric(&input))?;
            tags::forget(kept, &books.scope, &format!("fleetmetric/{}", input.metric_name));
            Ok(())
        });
        change.await
    });
    router.on::<ops::DescribeFleetMetric>(|call: Call, input| async move {
        let books = call.books();
        books.indexing.read(|book| book.describe_fleet_metric(&input.metric_name, &books.scope))
    });
    router.on::<ops::ListFleetMetrics>(|call: Call, input| async move {
        let books = call.books();
        books.indexing.read(|book| book.list_fleet_metrics(&input, &books.scope))
    });
}
