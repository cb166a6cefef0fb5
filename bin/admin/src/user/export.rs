//! All users in a CSV file.

use super::state;
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, new_file, table};
use roger_oidc::{McDataId, McVideoId};
use serde_json::json;
use std::path::Path;

const PAGE: u32 = 1000;

/// Writes everything but passwords; `import` takes the columns back when there is one with passwords.
pub(super) fn run(session: &Session, out: &Path) -> Result<Answer, AdminError> {
    let count = session.act(&Deed::new("user export", [out.display()]), || {
        let mut writer = csv::Writer::from_writer(new_file::create(out)?);
        let failed = |error: csv::Error| table::failed(out, &error);
        writer
            .write_record([
                "login",
                "mcptt_id",
                "mcvideo_id",
                "mcdata_id",
                "agency",
                "scopes",
                "state",
            ])
            .map_err(failed)?;
        let (mut after, mut count) = (String::new(), 0_usize);
        loop {
            let page = session.store.users(&after, PAGE)?;
            let Some((last, _)) = page.last() else {
                writer.flush().map_err(AdminError::file(out))?;
                return Ok(count);
            };
            last.login.as_str().clone_into(&mut after);
            count += page.len();
            for (user, agency) in &page {
                let others = &user.others;
                writer
                    .write_record([
                        user.login.as_str(),
                        user.mcptt_id.as_str(),
                        others.mcvideo.as_ref().map_or("", McVideoId::as_str),
                        others.mcdata.as_ref().map_or("", McDataId::as_str),
                        agency.as_deref().unwrap_or_default(),
                        &user.entitlement.to_string(),
                        state::name(user.state),
                    ])
                    .map_err(failed)?;
            }
        }
    })?;
    let text = format!("{} has {count} users", out.display());
    Ok(Answer::new(text, json!({ "file": out, "users": count })))
}
