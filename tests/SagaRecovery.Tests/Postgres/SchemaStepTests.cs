using SagaRecovery.Postgres;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>The rules of docs/CONTRIBUTING.md for a new version of the tables.</summary>
public sealed class SchemaStepTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private const int LastWithoutRules = 7;

    public static TheoryData<int> StepsWithRules => [.. SchemaStep.All.Skip(LastWithoutRules).Select(step => step.Version)];

    [Theory]
    [MemberData(nameof(StepsWithRules))]
    public async Task A_step_keeps_what_older_packages_use_and_locks_only_what_it_names(int version) =>
        (await new StepRules(Db).FindBrokenAsync(SchemaStep.All[version - 1])).Should().BeEmpty();

    [Theory]
    [InlineData("alter table {schema}.saga drop column creator;", "drops or changes column saga.creator")]
    [InlineData("alter table {schema}.saga rename column creator to author;", "drops or changes column saga.creator")]
    [InlineData("alter table {schema}.saga alter column name type varchar;", "drops or changes column saga.name text")]
    [InlineData("alter table {schema}.saga alter column deadline set not null;", "drops or changes column saga.deadline")]
    [InlineData("alter table {schema}.saga rename to sagas; alter table {schema}.sagas rename to saga2;", "drops or changes column saga.id")]
    [InlineData("drop index {schema}.saga_operator_action_by_saga;", "drops or changes CREATE INDEX saga_operator_action_by_saga")]
    [InlineData("alter table {schema}.saga drop constraint saga_state_check;", "drops or changes constraint saga_state_check")]
    [InlineData("alter table {schema}.saga add column if not exists note text not null;", "adds saga.note, which older packages do not write")]
    [InlineData("alter table {schema}.saga add column if not exists token uuid default gen_random_uuid();", "rewrites saga")]
    [InlineData("create index if not exists saga_by_name on {schema}.saga (name);", "creates an index on a present table")]
    [InlineData("alter table {schema}.saga add constraint named check (name <> '');", "validates named on saga behind its lock")]
    [InlineData("alter table {schema}.saga_hold add column if not exists note text;", "locks saga_hold, which its line 'Locks' does not name")]
    [InlineData("create table if not exists {schema}.note (saga_id uuid references {schema}.saga_suspect (saga_id));", "locks saga_suspect, which its line 'Locks' does not name")]
    [InlineData("alter table {schema}.saga add column note text;", "cannot be applied again")]
    [InlineData("create table {schema}.note (id int);", "cannot be applied again")]
    public async Task The_rules_find_a_step_that_breaks_them(string sql, string broken) =>
        (await new StepRules(Db).FindBrokenAsync(After(sql))).Should().Contain(rule => rule.StartsWith(broken, StringComparison.Ordinal));

    [Fact]
    public async Task The_rules_accept_new_columns_new_tables_with_their_indexes_and_wider_checks() =>
        (await new StepRules(Db).FindBrokenAsync(After("""
            alter table {schema}.saga add column if not exists note text, add column if not exists weight int not null default 1;
            create table if not exists {schema}.note (id int primary key, text text not null);
            create index if not exists note_by_text on {schema}.note (text);
            alter table {schema}.saga drop constraint if exists saga_state_check, add constraint saga_state_check check (state <> '') not valid;
            """))).Should().BeEmpty();

    [Fact]
    public async Task The_rules_accept_a_step_that_builds_and_drops_indexes_concurrently() =>
        (await new StepRules(Db).FindBrokenAsync(new SchemaStep(PostgresSchema.Version + 1, PostgresSchema.Version, [], """
            create index concurrently if not exists saga_by_name on {schema}.saga (name);
            drop index concurrently if exists {schema}.saga_by_definition;
            """, IsConcurrent: true))).Should().BeEmpty();

    [Fact]
    public async Task Each_row_of_a_version_states_the_range_of_its_script()
    {
        await Db.Schema.CreateAsync();

        (await Db.QueryAsync<string>("select string_agg(version || ':' || coalesce(readable_since::text, ''), ' ' order by version) from saga_recovery.schema_version")).Should()
            .Be(string.Join(' ', SchemaStep.All.Select(step => step.Version > LastWithoutRules ? $"{step.Version}:{step.ReadableSince}" : $"{step.Version}:")));
        SchemaStep.All.Should().OnlyContain(step => step.ReadableSince <= step.Version);
        SchemaStep.All.Select(step => step.ReadableSince).Should().BeInAscendingOrder("a package within the range of a version is within that of each earlier one");
    }

    private static SchemaStep After(string sql) => new(PostgresSchema.Version + 1, PostgresSchema.Version, ["saga"], sql);
}
