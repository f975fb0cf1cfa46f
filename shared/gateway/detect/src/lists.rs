//! "ListActiveViolations", "ListViolationEvents", "ListMetricValues" and "PutVerificationStateOnViolation".
//!
//! Source: the API reference of the operations.

use crate::book::{ALARMS, Detect, Place, json, wire};
use crate::dimension::page_size;
use crate::series::Scope;
use crate::violation::{AlarmRow, EventRow, Verified, ViolationRow, additional_info};
use behaviors::validate::check_metric;
use behaviors::{Behavior, Criteria, Dimension, Operator};
use drydock_core::{ApiError, Done, Timestamp, Write, page};
use drydock_model::iot::{
    ActiveViolation, BehaviorCriteriaType, DimensionValueOperator, ListActiveViolationsRequest,
    ListActiveViolationsResponse, ListMetricValuesRequest, ListMetricValuesResponse, ListViolationEventsRequest,
    ListViolationEventsResponse, MetricDatum, PutVerificationStateOnViolationRequest,
    PutVerificationStateOnViolationResponse, VerificationState, ViolationEvent, ViolationEventType,
};

/// What lists of violations may be asked for.
struct Asked<'r> {
    thing: Option<&'r str>,
    profile: Option<&'r str>,
    criteria: Option<BehaviorCriteriaType>,
    /// Those of which nobody is told, or those others; both where nothing is said.
    suppressed: Option<bool>,
    state: Option<VerificationState>,
}

impl Asked<'_> {
    fn fits(&self, (thing, profile): (&str, &str), behavior: &Behavior, verified: Option<&Verified>) -> bool {
        let kind = behavior.criteria.as_ref().map_or("", Criteria::criteria_type);
        self.thing.is_none_or(|asked| asked == thing)
            && self.profile.is_none_or(|asked| asked == profile)
            && self.criteria.is_none_or(|asked| asked.as_str() == kind)
            && self.suppressed.is_none_or(|asked| asked == (behavior.suppress_alerts == Some(true)))
            && self.state.is_none_or(|asked| asked == state(verified))
    }
}

fn state(verified: Option<&Verified>) -> VerificationState {
    verified.map_or(VerificationState::Unknown, |verified| verified.state)
}

fn description(verified: Option<&Verified>) -> Option<String> {
    verified.and_then(|verified| verified.description.clone())
}

impl Detect {
    /// "ListActiveViolations": by profile, behavior and device.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a profile that is not there; `InvalidRequestException` for a token that is not one of this
    /// operation.
    pub fn list_active(&self, request: &ListActiveViolationsRequest) -> Result<ListActiveViolationsResponse, ApiError> {
        const OPERATION: &str = "ListActiveViolations";
        if let Some(name) = &request.security_profile_name {
            self.profile(name)?;
        }
        let asked = Asked {
            thing: request.thing_name.as_deref(),
            profile: request.security_profile_name.as_deref(),
            criteria: request.behavior_criteria_type,
            suppressed: request.list_suppressed_alerts,
            state: request.verification_state,
        };
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let fits = |(place, row): (&'_ Place, &'_ AlarmRow)| {
            let violation = row.violation.clone()?;
            let later = after.as_ref().is_none_or(|after| place.key() > *after);
            let of = (place.thing.as_str(), place.profile.as_str());
            (later && asked.fits(of, &violation.behavior, violation.verified.as_ref()))
                .then(|| (place.clone(), violation))
        };
        let mut all: Vec<(Place, ViolationRow)> = self.alarms.iter().filter_map(fits).collect();
        all.sort_by_cached_key(|(place, _)| place.key());
        let (page, next) = page::cut(all.into_iter(), page_size(request.max_results), |(place, _)| place.key());
        let shown = |(place, row): (Place, ViolationRow)| ActiveViolation {
            violation_event_additional_info: additional_info(&row.behavior),
            behavior: wire(&row.behavior),
            last_violation_time: Some(row.last),
            last_violation_value: wire(&row.value),
            security_profile_name: Some(place.profile.into()),
            thing_name: Some(place.thing.into()),
            verification_state: Some(state(row.verified.as_ref())),
            verification_state_description: description(row.verified.as_ref()),
            violation_id: Some(row.id.into()),
            violation_start_time: Some(row.start),
        };
        Ok(ListActiveViolationsResponse {
            active_violations: Some(page.into_iter().map(shown).collect()),
            next_token: next.map(|place| page::token(OPERATION, &place)),
        })
    }

    /// "ListViolationEvents": the newest first.
    ///
    /// # Errors
    /// `InvalidRequestException` for times that cannot be, and for a token that is not one of this operation.
    pub fn list_events(&self, request: &ListViolationEventsRequest) -> Result<ListViolationEventsResponse, ApiError> {
        const OPERATION: &str = "ListViolationEvents";
        in_order(request.start_time, request.end_time)?;
        let asked = Asked {
            thing: request.thing_name.as_deref(),
            profile: request.security_profile_name.as_deref(),
            criteria: request.behavior_criteria_type,
            suppressed: request.list_suppressed_alerts,
            state: request.verification_state,
        };
        let before = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let fits = |(key, row): &(&String, &EventRow)| {
            before.as_ref().is_none_or(|before| *key < before)
                && (request.start_time..=request.end_time).contains(&row.at)
                && asked.fits((&row.thing, &row.profile), &row.behavior, row.verified.as_ref())
        };
        let left = self.events.iter().rev().filter(fits);
        let (page, next) = page::cut(left, page_size(request.max_results), |(key, _)| (*key).clone());
        let shown = |(_, row): (&String, &EventRow)| ViolationEvent {
            behavior: wire(&row.behavior),
            metric_value: wire(&row.value),
            security_profile_name: Some(row.profile.to_string()),
            thing_name: Some(row.thing.to_string()),
            verification_state: Some(state(row.verified.as_ref())),
            verification_state_description: description(row.verified.as_ref()),
            violation_event_additional_info: additional_info(&row.behavior),
            violation_event_time: Some(row.at),
            violation_event_type: Some(match row.change {
                behaviors::Transition::InAlarm => ViolationEventType::InAlarm,
                behaviors::Transition::AlarmCleared => ViolationEventType::AlarmCleared,
                behaviors::Transition::AlarmInvalidated => ViolationEventType::AlarmInvalidated,
            }),
            violation_id: Some(row.id.to_string()),
        };
        Ok(ListViolationEventsResponse {
            next_token: next.map(|place| page::token(OPERATION, &place)),
            violation_events: Some(page.into_iter().map(shown).collect()),
        })
    }

    /// "PutVerificationStateOnViolation": on a violation that goes on or is over.
    ///
    /// # Errors
    /// `InvalidRequestException` for a violation that is not there.
    pub fn verify(
        &mut self,
        request: &PutVerificationStateOnViolationRequest,
    ) -> Result<Done<PutVerificationStateOnViolationResponse>, ApiError> {
        let id = request.violation_id.as_str();
        let verified = Some(Verified {
            state: request.verification_state,
            description: request.verification_state_description.clone(),
        });
        let mut done = Done::reply(PutVerificationStateOnViolationResponse {});
        if let Some(place) = self.active.get(id)
            && let Some(row) = self.alarms.get_mut(place)
            && let Some(violation) = &mut row.violation
        {
            violation.verified.clone_from(&verified);
            done.writes.push(Write::put(ALARMS, place.key(), json(row)));
        }
        let of: Vec<String> = self.events.iter().filter(|(_, row)| row.id == id).map(|(key, _)| key.clone()).collect();
        for key in of {
            if let Some(row) = self.events.get(&key).cloned() {
                let write = self.put_event(key, EventRow { verified: verified.clone(), ..row });
                done.writes.push(write);
            }
        }
        if done.writes.is_empty() {
            return Err(ApiError::invalid(format!("there is no violation `{id:.128}`")));
        }
        Ok(done)
    }

    /// "ListMetricValues": the oldest first.
    ///
    /// # Errors
    /// `InvalidRequestException` for times and metrics that cannot be, and for a token that is not one of this operation.
    pub fn list_values(&self, request: &ListMetricValuesRequest) -> Result<ListMetricValuesResponse, ApiError> {
        const OPERATION: &str = "ListMetricValues";
        in_order(request.start_time, request.end_time)?;
        let operator = request.dimension_value_operator.map(|operator| match operator {
            DimensionValueOperator::In => Operator::In,
            DimensionValueOperator::NotIn => Operator::NotIn,
        });
        if operator.is_some() && request.dimension_name.is_none() {
            return Err(ApiError::invalid("dimensionValueOperator goes with dimensionName"));
        }
        check_metric(&request.metric_name, request.dimension_name.as_deref(), self).map_err(ApiError::invalid)?;
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let same = |dimension: Option<&Dimension>| match (dimension, &request.dimension_name) {
            (None, None) => true,
            (Some(of), Some(name)) => {
                of.dimension_name == *name && of.operator.unwrap_or(Operator::In) == operator.unwrap_or(Operator::In)
            }
            _ => false,
        };
        let scopes = self.series.scopes().filter(|of| of.metric == request.metric_name && same(of.dimension.as_ref()));
        let span = (request.start_time.plus_millis(-1), request.end_time);
        let points: Vec<_> =
            scopes.flat_map(|scope: &Scope| self.series.between(scope, &request.thing_name, span)).collect();
        // Several datapoints may have one time: their place is counted besides.
        let at = |(index, (at, _)): &(usize, &(Timestamp, _))| format!("{:016}/{index:08}", at.millis());
        let left = points.into_iter().enumerate().filter(|entry| after.as_ref().is_none_or(|after| at(entry) > *after));
        let (page, next) = page::cut(left, page_size(request.max_results), at);
        let datum = |(_, (at, reading)): (usize, &(Timestamp, crate::series::Reading))| MetricDatum {
            timestamp: Some(*at),
            value: wire(&reading.value()),
        };
        Ok(ListMetricValuesResponse {
            metric_datum_list: Some(page.into_iter().map(datum).collect()),
            next_token: next.map(|place| page::token(OPERATION, &place)),
        })
    }
}

fn in_order(start: Timestamp, end: Timestamp) -> Result<(), ApiError> {
    if start > end { Err(ApiError::invalid("startTime is after endTime")) } else { Ok(()) }
}
