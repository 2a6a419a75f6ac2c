using Microsoft.Extensions.Options;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public sealed class SchemaTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task The_tables_that_the_script_creates_are_exactly_those_that_the_check_expects()
    {
        (await Db.Schema.CheckAsync()).Should().Equal("there are none");

        await Db.ExecuteAsync(PostgresSchema.Script());

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Processes_that_create_the_tables_at_once_take_turns_and_doing_it_again_is_harmless()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Db.Schema.CreateAsync()));
        await Db.Schema.CreateAsync();

        (await Db.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.schema_version")).Should().Be(PostgresSchema.Version);
    }

    [Fact]
    public async Task The_check_names_every_difference_and_minds_no_additions()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("drop index saga_recovery.saga_in_progress");
        await Db.ExecuteAsync("alter table saga_recovery.saga_coordinator drop column host");
        await Db.ExecuteAsync("alter table saga_recovery.saga alter column params type jsonb");
        await Db.ExecuteAsync("alter table saga_recovery.saga add column note text");

        IReadOnlyList<string> differences = await Db.Schema.CheckAsync();

        differences.Should().HaveCount(3);
        differences.Should().ContainMatch("*saga_in_progress*").And.ContainMatch("*saga_coordinator.host*").And.ContainMatch("*saga.params json*");
    }

    [Fact]
    public async Task Tables_are_not_created_unless_requested()
    {
        await using SagaDatabase asIs = With(new PostgresStoreOptions { CreateSchema = false });

        await FluentActions.Awaiting(() => asIs.Schema.EnsureAsync(CancellationToken.None)).Should().ThrowAsync<InvalidOperationException>()
            .WithMessage("*saga_recovery*there are none*SagaRecovery:Postgres:CreateSchema*");
        (await Db.QueryAsync<bool>("select to_regnamespace('saga_recovery') is null")).Should().BeTrue();
    }

    [Fact]
    public async Task Tables_that_a_newer_package_made_ask_for_that_package()
    {
        await Db.Schema.CreateAsync();
        await Db.ExecuteAsync("insert into saga_recovery.schema_version (version) values (99)");
        await using SagaDatabase asIs = With(new PostgresStoreOptions { CreateSchema = false });

        await FluentActions.Awaiting(() => asIs.Schema.EnsureAsync(CancellationToken.None)).Should().ThrowAsync<InvalidOperationException>()
            .WithMessage("*version 99*newer version of the package*deploy*");
    }

    [Fact]
    public async Task Another_schema_name_serves_as_well()
    {
        await using SagaDatabase elsewhere = With(new PostgresStoreOptions { CreateSchema = true, Schema = "my_sagas" });

        Membership us = await elsewhere.JoinAsync();
        SagaId saga = await elsewhere.CreateSagaAsync(us);

        (await elsewhere.ListAsync(us)).Should().ContainSingle(candidate => candidate.SagaId == saga);
        (await elsewhere.Schema.CheckAsync()).Should().BeEmpty();
        (await Db.QueryAsync<bool>("select to_regnamespace('saga_recovery') is null")).Should().BeTrue();
    }

    [Fact]
    public async Task Every_kind_of_operator_action_can_be_recorded()
    {
        await Db.Schema.CreateAsync();

        foreach (OperatorActionKind kind in Enum.GetValues<OperatorActionKind>())
        {
            await Db.ExecuteAsync(
                "insert into saga_recovery.saga_operator_action (id, action, actor, reason) values (@Id, @Action, '', '')",
                new { Id = (long)kind, Action = SagaNames.Of(kind) });
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("public; drop table x")]
    [InlineData("Sagas")]
    [InlineData("1st")]
    public void A_schema_name_that_would_need_quoting_is_refused_by_name_of_the_setting(string schema)
    {
        ValidateOptionsResult result = new PostgresStoreOptionsValidator().Validate(null, new PostgresStoreOptions { Schema = schema });

        result.Failed.Should().BeTrue();
        result.FailureMessage.Should().Contain("SagaRecovery:Postgres:Schema");
    }

    private SagaDatabase With(PostgresStoreOptions options) => new(Db.DataSource.ConnectionString, options);
}
