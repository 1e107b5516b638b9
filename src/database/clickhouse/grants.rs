//! What `SHOW GRANTS` tells: which privileges are not among them.

/// What a user was not granted by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lacking<'a> {
    pub missing: Vec<&'a str>,
    /// Whether there are roles, which may grant more than is shown.
    pub has_roles: bool,
}

/// The privileges on a database, and one on everything, that no grant gives.
pub(super) fn lacking<'a>(grants: &[&str], database: &str, wanted: &[&'a str], on_all: &'a str) -> Lacking<'a> {
    let grants: Vec<Grant<'_>> = grants.iter().filter_map(|grant| Grant::read(grant)).collect();
    let is_given = |privilege: &str, is_on_all: bool| {
        grants.iter().any(|grant| grant.reaches(database, is_on_all) && grant.gives(privilege))
    };
    let mut missing: Vec<&str> = wanted.iter().copied().filter(|privilege| !is_given(privilege, false)).collect();
    missing.extend(Some(on_all).filter(|privilege| !is_given(privilege, true)));
    Lacking { missing, has_roles: grants.iter().any(|grant| grant.scope.is_none()) }
}

/// `GRANT privileges ON scope TO …`, or `GRANT roles TO …`.
struct Grant<'a> {
    what: &'a str,
    scope: Option<&'a str>,
}

impl<'a> Grant<'a> {
    fn read(text: &'a str) -> Option<Grant<'a>> {
        let rest = text.strip_prefix("GRANT ")?;
        let (rest, _) = rest.rsplit_once(" TO ")?;
        Some(match rest.rsplit_once(" ON ") {
            Some((what, scope)) => Grant { what, scope: Some(scope) },
            None => Grant { what: rest, scope: None },
        })
    }

    fn reaches(&self, database: &str, is_on_all: bool) -> bool {
        let whole = self.scope.and_then(|scope| scope.strip_suffix(".*"));
        whole.is_some_and(|of| of == "*" || (!is_on_all && of.trim_matches('`') == database))
    }

    /// Whether a privilege is named, or one that holds it: `CREATE` holds `CREATE TABLE`.
    fn gives(&self, privilege: &str) -> bool {
        self.what.split(", ").any(|given| {
            given == "ALL"
                || given == privilege
                || privilege.strip_prefix(given).is_some_and(|rest| rest.starts_with(' '))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(grants: &[&str]) -> String {
        lacking(grants, "events", &["INSERT", "CREATE TABLE"], "KILL QUERY").missing.join(", ")
    }

    #[test]
    fn a_privilege_is_given_by_name_by_a_wider_one_or_by_all() {
        assert_eq!(missing(&["GRANT ALL ON *.* TO ann WITH GRANT OPTION"]), "");
        assert_eq!(missing(&["GRANT INSERT, CREATE ON events.* TO ann", "GRANT KILL QUERY ON *.* TO ann"]), "");
        assert_eq!(missing(&["GRANT INSERT, CREATE TABLE, KILL QUERY ON `events`.* TO ann"]), "KILL QUERY");
        assert_eq!(
            missing(&["GRANT INSERT ON events.one TO ann", "GRANT CREATE ON other.* TO ann"]),
            "INSERT, CREATE TABLE, KILL QUERY"
        );
        assert_eq!(missing(&[]), "INSERT, CREATE TABLE, KILL QUERY");
    }

    #[test]
    fn roles_may_grant_more() {
        assert!(lacking(&["GRANT writers TO ann"], "events", &["INSERT"], "KILL QUERY").has_roles);
        assert!(!lacking(&["GRANT SELECT ON *.* TO ann"], "events", &["INSERT"], "KILL QUERY").has_roles);
    }
}
