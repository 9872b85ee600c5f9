//! Bindings of the scope's backend: found from either end, made, marked and taken away.

use bindery_contract::{Frame, op::Done, service};
use serde_json::Value as Json;

use super::{
    ask::{Ask, unknown},
    record::text,
    refusal::{Refusal, Told},
};
use crate::{
    model::temporary::is_temporary,
    plugin::{
        guard::Answer,
        temporary::{Ids, Thing},
        write::What,
    },
    record::{Binding, Error, Kind, binding, decode, encode},
};

impl Ask<'_> {
    pub(super) async fn find_binding(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let wanted: service::FindBinding = frame.header()?;
        self.may_use(&wanted.kind)?;
        if wanted.external_id.is_some() == wanted.record.is_some() {
            return Err(Refusal::Wrong("a binding is found by an external id or by a record".to_owned()).into());
        }
        let binding = self
            .read(move |tx, guard, ids| {
                let kind = guard.catalogue.need_kind(&wanted.kind)?;
                let found = match (&wanted.external_id, wanted.record) {
                    (Some(id), _) => binding::find(tx, guard.backend, kind, id)?,
                    (None, Some(record)) => {
                        let record = ids.get(record).ok_or_else(|| unknown(record))?;
                        binding::find_by_record(tx, guard.backend, kind, record)?
                    }
                    (None, None) => None,
                };
                Ok(found.map(|found| shown(kind, &found, ids)))
            })
            .await?;
        Ok(Frame::encode(&service::Found { binding }, &[])?)
    }

    pub(super) fn bind(&self, frame: &Frame<'_>) -> Answer {
        let service::Bind { kind, external_id, record } = frame.header()?;
        let id = self.checked_bind(kind, external_id, record, frame)?;
        Frame::encode(&service::RecordId { id }, &[])
    }

    fn checked_bind(&self, kind: String, external_id: String, record: i64, frame: &Frame<'_>) -> Result<i64, Told> {
        self.may_use(&kind)?;
        let catalogue = self.services.catalogue.get();
        let declared = catalogue.need_kind(&kind)?;
        if external_id.is_empty() {
            return Err(Error::field(&kind, "external_id", "an empty text is no id").into());
        }
        let extra = match frame.segments.first() {
            Some(extra) => text(extra)?,
            None => "{}",
        };
        decode::extra(declared, extra)?;
        let extra = extra.to_owned();
        Ok(self.push(What::Bind { kind, external_id, record, extra })?)
    }

    pub(super) async fn mark(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Mark { id, failed } = frame.header()?;
        self.own_binding(id).await?;
        self.push(What::Mark { binding: id, failed })?;
        Ok(Frame::encode(&Done {}, &[])?)
    }

    pub(super) async fn unbind(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Unbind { id } = frame.header()?;
        self.own_binding(id).await?;
        self.push(What::Unbind { binding: id })?;
        Ok(Frame::encode(&Done {}, &[])?)
    }

    /// A binding must be of the scope's backend; of any other it is said that there is none. Checked again at the commit.
    async fn own_binding(&self, id: i64) -> Result<(), Told> {
        if is_temporary(id) {
            return Ok(());
        }
        let backend = self.backend();
        self.services
            .store
            .read(move |tx| match binding::get(tx, id)? {
                binding if binding.backend == backend => Ok(()),
                _ => Err(Told::from(Error::NoBinding(id))),
            })
            .await
    }
}

fn shown(kind: &Kind, binding: &Binding, ids: &Ids) -> service::Binding {
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    service::Binding {
        id: ids.name(Thing::Binding, binding.id),
        kind: kind.name.clone(),
        external_id: binding.external_id.clone(),
        record: binding.record.map(|record| ids.name(Thing::Record(kind.model.id), record)),
        sync_date: binding.sync_date.map(|at| at.to_rfc3339()),
        sync_status: binding.sync_status.as_str().to_owned(),
        retry_count: count(binding.retry_count),
        max_retries: count(binding.max_retries),
        last_error: binding.last_error.clone(),
        extra: Json::Object(encode::extra(kind, binding.extra.as_deref())),
    }
}
