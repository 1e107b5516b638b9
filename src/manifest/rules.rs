//! The loader's rules by name, with what `lint --explain` says of each.

/// A rule's name and its explanation.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The name, as reports print it.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Markdown: why, and how to do it right.
    pub explanation: &'static str,
}

macro_rules! rules {
    ($($constant:ident $name:literal $summary:literal $explanation:literal)*) => {
        $(pub(super) const $constant: &str = $name;)*
        /// Every rule of the loader.
        pub const RULES: &[Rule] = &[$(Rule { name: $name, summary: $summary, explanation: $explanation }),*];
    };
}

rules! {
    FILE_UNREADABLE "file-unreadable" "a file is not a YAML document"
        "A file must be UTF-8 and hold exactly one YAML document that is not empty. Files are at most 16 MiB."
    YAML_SYNTAX "yaml-syntax" "the YAML cannot be parsed"
        "The place is where the parser gave up; the cause is often one line above: a missing space after `:`, a tab, or a \
         quote that is never closed."
    YAML_LIMITS "yaml-limits" "the YAML is deeper or larger than any real file"
        "Files may nest 64 levels deep, and aliases may repeat 10,000 nodes or 1 MiB in all. What is beyond was written to \
         exhaust the reader, or by a broken generator."
    YAML_FEATURE "yaml-feature" "a feature of YAML that the format does not use"
        "Tags (`!name`), merge keys (`<<`) and keys that are not plain texts mean different things to different readers. \
         Write the values out."
    DUPLICATE_KEY "duplicate-key" "a key stands twice in one mapping"
        "Many YAML readers silently take the last of the two. Keep the one that is meant."
    UNKNOWN_KEY "unknown-key" "a key that the format does not have"
        "A misspelt key would be ignored silently, and with it what it should have done. `orchestrate schema` prints every \
         key; editors that know JSON Schema complete them."
    MISSING_KEY "missing-key" "a key that must be there is missing"
        "`orchestrate schema KIND` tells which keys are required."
    WRONG_TYPE "wrong-type" "a value is of another type"
        "A text where a mapping is needed, a number where a text is needed, and so on. A text that looks like a number, a \
         boolean or nothing must be quoted."
    YAML_BOOLEAN "yaml-boolean" "`yes`, `no`, `on`, `off` without quotes"
        "YAML 1.1 reads these words as booleans, YAML 1.2 as texts, so what they mean depends on the reader. Booleans are \
         `true` and `false`; a text is quoted."
    UNQUOTED_VERSION "unquoted-version" "a version that YAML reads as a number"
        "An unquoted `1.30` is the number 1.3 and `1` is the number one. Versions have three numbers: `1.30.0` needs no \
         quotes."
    INVALID_VERSION "invalid-version" "a text that is no version"
        "App and chart versions are three numbers with an optional pre-release: `1.33.0`, `v1.33.0`, `2.0.0-rc.1`. Service \
         versions may have up to four numbers and a suffix: `22.3.6.5`, `15.4 (Debian 15.4-1)`."
    INVALID_RANGE "invalid-range" "a text that is no range of versions"
        "A range is comparators separated by commas, and all must hold: `>=1.20.0, <1.24.0`. There are no alternatives \
         (`||`); a bare version means `^`, as in Cargo."
    INVALID_DURATION "invalid-duration" "a text that is no duration"
        "A number with a unit, `20s`, `30m`, `48h`, or several: `1h30m`. Days and weeks are refused, since their length \
         depends on the calendar."
    INVALID_EXPECTATION "invalid-expectation" "a text that is no expectation"
        "`expect` is `true` (the default), `false`, or a comparison with a value: `\">= 1.5\"`, `\"= done\"`, `\"!= 0\"`."
    INVALID_VALUE "invalid-value" "a value outside what is allowed"
        "The message names what is allowed."
    INVALID_NAME "invalid-name" "a name with other letters than allowed"
        "Names are lower-case letters, digits, `_` and `-`, beginning with a letter or a digit, at most 100 characters: \
         they become parts of table names, tags and URLs."
    DUPLICATE_OPERATION "duplicate-operation" "two operations of one name"
        "The journal refers to operations by name, so that each name stands once in its procedure."
    DUPLICATE_THROTTLE "duplicate-throttle" "two throttles of one name"
        "`orchestrate tune` and `orchestrate status` refer to a throttle by its name, so that each name stands once in a \
         migration."
    NAME_MISMATCH "name-mismatch" "the name and the file's stem differ"
        "`manifests/<product>/<name>.yaml` holds the migration `<name>`. The name is what the journal refers to; a file \
         that says another name would be found under neither."
    FORMAT_VERSION "format-version" "a format that this program does not read"
        "Every file begins with `format: orchestrate/v1`. A later version needs a later program: it may mean things that \
         this one would silently ignore."
    FILE_KIND "file-kind" "a file of this kind does not belong here"
        "Migrations stand in `manifests/<product>/`, upgrade paths and releases in `upgrade-paths/`, platforms in \
         `templates/platforms/`, runbooks in `templates/runbooks/`; the project is `orchestrate.yaml`."
    OPERATION_KIND "operation-kind" "an operation with no kind, or with two"
        "Exactly one of `sql`, `for_each`, `copy`, `backfill`, `wait`, `verify`, `command`, `http`, `manual` says what an \
         operation does. Two things are two operations: each has its own outcome in the journal and its own undo."
    UNDO_MISSING "undo-missing" "an operation says nothing about taking it back"
        "An operation that changes something has `undo`, or `irreversible` with the reason, so that a person knows before \
         the start where the point of no return is."
    EMPTY_WINDOW "empty-window" "a window that ends before it begins"
        "`min` and `max` are app versions, both inclusive."
    INVALID_PARAMETER "invalid-parameter" "a parameter whose default is refused by its own declaration"
        "The default must be of the declared type and within its bounds; `null` means that it may stay unset."
    TEMPLATE_SYNTAX "template-syntax" "a template that cannot be parsed"
        "Every text may hold minijinja templates: `{{ … }}` and `{% … %}`. A literal `{{` is written `{{ '{{' }}`."
    TEMPLATE_UNDEFINED "template-undefined" "a template that names something undefined"
        "Templates know `params`, `vars`, `target`, `step`, `run`, `item` (in `for_each` and its undo) and `value` (in a \
         probe's message). An undefined name would otherwise be found in the middle of a run."
    UNKNOWN_REFERENCE "unknown-reference" "a name that leads nowhere"
        "Dependencies, recommended migrations, required stops, platforms and the project's product must exist."
    DEPENDENCY_CYCLE "dependency-cycle" "migrations that wait for each other"
        "The whole cycle is named; one of its dependencies must go."
    DUPLICATE_MIGRATION "duplicate-migration" "the same migration twice"
        "Two files of one product declare the same migration, or two entries recommend a release for it."
    DUPLICATE_PATH "duplicate-path" "a second upgrade path"
        "A product has one upgrade path; its releases may stand in further files of kind `releases`."
    DUPLICATE_PROCEDURE "duplicate-procedure" "two platforms or two runbooks of one name"
        "Platforms and runbooks are named by their files' stems: `helm.yaml` and `helm.yml` are one name."
    DUPLICATE_RELEASE "duplicate-release" "the same release twice"
        "An app version on a chart version is listed once per product, whatever the file."
    RECOMMENDED_OUTSIDE "recommended-outside-window" "a recommended release on which the migration may not run"
        "The recommended app version must lie inside the migration's window."
    TARGET_UNDECLARED "target-undeclared" "a target that an environment does not declare"
        "Each environment of `orchestrate.yaml` must declare every target that the product's migrations name."
}
