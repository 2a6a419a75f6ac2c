using Dapper;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
using SagaRecovery.Retention;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>A purge by hand, whose requests work for a while each.</summary>
public sealed class PurgeTests(PostgresCluster cluster) : RetentionTest(cluster)
{
    private static readonly PurgeRequest s_request = new() { OlderThan = Month, Reason = Note.Reason };

    /// <summary>The sagas that are kept come first, and each request has time for one page.</summary>
    [Fact]
    public async Task A_purge_continues_where_the_last_request_stopped()
    {
        await CreateHistoryAsync();

        (PurgeResponse sum, int requests) = await RepeatAsync(s_request with { Delete = true });

        sum.Deleted.Should().Be(3);
        (await StatesAsync()).Should().HaveCount(4).And.OnlyContain(state => state == "stuck" || state == "running");
        requests.Should().BeLessThanOrEqualTo(7, "each request visits one page of two sagas, or finds the end of a walk");
        (await Db.QueryAsync<string>("select string_agg(action || ': ' || reason, ', ') from saga_recovery.saga_operator_action"))
            .Should().Be("purge: OPS-12 (succeeded, unwound for more than 30d)", "it is recorded once");
    }

    [Fact]
    public async Task A_dry_run_continues_where_the_last_request_stopped_and_counts_each_saga_once()
    {
        await CreateHistoryAsync();

        (PurgeResponse sum, int requests) = await RepeatAsync(s_request, sagasPerPage: 2);

        sum.Counts.Select(count => (count.Definition, count.State, count.Sagas)).Should().Equal(
            ("other-saga", SagaState.Succeeded, 1L), ("test-saga", SagaState.Succeeded, 1L), ("test-saga", SagaState.Unwound, 1L));
        sum.Counts.Should().OnlyContain(count => count.Bytes > 0 && count.Oldest < DateTimeOffset.UtcNow - Month);
        requests.Should().BeGreaterThan(3);
        (await IdsAsync()).Should().HaveCount(7, "nothing is deleted");
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_operator_action")).Should().Be(0);
    }

    [Fact]
    public async Task A_purge_that_waits_for_another_process_continues_at_the_same_place()
    {
        await CreateHistoryAsync();
        PurgeResponse first = await NewAction().PerformAsync(s_request with { Delete = true }, Note, CancellationToken.None);
        IAsyncDisposable? turn = await Db.Retention.TryBeginTurnAsync(CancellationToken.None);

        PurgeResponse second = await NewAction().PerformAsync(s_request with { Delete = true, Continuation = first.Continuation }, Note, CancellationToken.None);

        second.Should().BeEquivalentTo(new { Deleted = 0L, first.Continuation, IsComplete = false });
        second.Message.Should().EndWith("; another process is deleting: repeat the request with its continuation");
        await turn!.DisposeAsync();
    }

    /// <summary>A definition before the position, and one after it, are stored and deleted between two requests.</summary>
    [Fact]
    public async Task A_purge_continues_although_the_definitions_have_changed()
    {
        Membership us = await Db.JoinAsync();
        List<SavedDefinition> definitions = [.. Enumerable.Range(0, 6).Select(i => SagaDatabase.DefinitionNamed($"saga-{i}")).OrderBy(one => one.Hash.ToString(), StringComparer.Ordinal)];
        foreach (SavedDefinition definition in definitions)
        {
            await SetEndAsync(await Db.CreateSagaAsync(us, definition), SagaState.Succeeded, TimeSpan.FromDays(31));
        }

        PurgeRequest request = s_request with { Delete = true };
        PurgeResponse response = await NewAction().PerformAsync(request, Note, CancellationToken.None);
        response = await NewAction().PerformAsync(request with { Continuation = response.Continuation }, Note, CancellationToken.None);
        await Db.ExecuteAsync("delete from saga_recovery.saga_definition where hash = any(@Hashes)", new { Hashes = definitions.Take(3).Select(one => one.Hash.ToBytes()).ToArray() });
        while (!response.IsComplete)
        {
            response = await NewAction().PerformAsync(request with { Continuation = response.Continuation }, Note, CancellationToken.None);
        }

        (await Db.QueryAsync<string>("select string_agg(name, ',') from saga_recovery.saga")).Should().Be(definitions[2].Name, "its definition was deleted before its turn");
    }

    /// <summary>The log's connections lead nowhere.</summary>
    [Fact]
    public async Task A_dry_run_uses_the_connections_of_operators_only()
    {
        await CreateHistoryAsync();
        await using NpgsqlDataSource nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1");
        var database = new PostgresDatabase(nowhere, Options.Create(Db.Database.Options), queries: new DataSourcePool(Db.DataSource));
        var action = new PurgeAction(new PostgresSagaRetention(database, Db.Schema, new SagaSearch(database, TimeProvider.System)), archive: null, TimeProvider.System);

        PurgeResponse response = await action.PerformAsync(s_request, Note, CancellationToken.None);

        response.Counts.Sum(count => count.Sagas).Should().Be(3);
        await FluentActions.Awaiting(() => action.PerformAsync(s_request with { Delete = true }, Note, CancellationToken.None)).Should().ThrowAsync<NpgsqlException>();
    }

    [Fact]
    public async Task A_page_of_a_dry_run_that_takes_too_long_is_stopped()
    {
        await CreateHistoryAsync();
        var options = new PostgresStoreOptions { QueryTimeout = TimeSpan.FromMilliseconds(200) };
        var database = new PostgresDatabase(Db.DataSource, Options.Create(options));
        var store = new PostgresSagaRetention(database, Db.Schema, new SagaSearch(database, TimeProvider.System));
        await using NpgsqlConnection slow = await Db.DataSource.OpenConnectionAsync();
        await slow.ExecuteAsync("begin; lock table saga_recovery.saga in access exclusive mode");

        await FluentActions.Awaiting(() => new PurgeAction(store, archive: null, TimeProvider.System).PerformAsync(s_request, Note, CancellationToken.None))
            .Should().ThrowAsync<SearchTimeoutException>();
    }

    [Fact]
    public async Task Definitions_that_are_kept_are_left_out_and_named_unless_the_request_names_one()
    {
        await CreateHistoryAsync();
        PurgeAction action = new(Db.Retention, archive: null, TimeProvider.System) { IsKept = name => name is "test-saga" or "not-stored" };

        PurgeResponse all = await action.PerformAsync(s_request, Note, CancellationToken.None);
        PurgeResponse named = await action.PerformAsync(s_request with { Definition = "test-saga" }, Note, CancellationToken.None);

        all.Counts.Should().ContainSingle().Which.Definition.Should().Be("other-saga");
        all.KeptDefinitions.Should().Equal("test-saga");
        all.Message.Should().Be("purge: would delete 1 saga, 0.0 MB; left out, because the settings keep them: test-saga");
        named.Counts.Sum(count => count.Sagas).Should().Be(2);
        named.KeptDefinitions.Should().BeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("succeeded.-.-.-.x")]
    [InlineData("running.-.-.-.{0}")]
    [InlineData("succeeded.-.-.-.{0}")]
    [InlineData("unwound.00.-.-.{0}")]
    [InlineData("unwound.-.5.-.{0}")]
    [InlineData("unwound.-.-5.0199aaaa-0000-7000-8000-000000000000.{0}")]
    [InlineData("unwound.-.9999999999999999999.0199aaaa-0000-7000-8000-000000000000.{0}")]
    [InlineData("unwound.-.9223372036854775807.0199aaaa-0000-7000-8000-000000000000.{0}")]
    [InlineData("unwound.-.5.x.{0}")]
    [InlineData("unwound.-.-.-.{0}.")]
    public async Task A_continuation_that_no_response_had_is_refused(string malformed)
    {
        await CreateHistoryAsync();
        string digest = (await NewAction().PerformAsync(s_request, Note, CancellationToken.None)).Continuation!.Split('.')[^1];

        (s_request with { Continuation = malformed.Replace("{0}", digest, StringComparison.Ordinal) }).Validate().Should().StartWith("'continuation' must be");
        (s_request with { Continuation = $"unwound.-.5.0199aaaa-0000-7000-8000-000000000000.{digest}" }).Validate().Should().BeNull("this one is sound");
    }

    [Fact]
    public async Task A_continuation_is_of_one_scope()
    {
        await CreateHistoryAsync();
        PurgeResponse response = await NewAction().PerformAsync(s_request, Note, CancellationToken.None);
        PurgeRequest next = s_request with { Continuation = response.Continuation };

        next.Validate().Should().BeNull();
        (next with { Reason = "other words", States = [SagaState.Unwound, SagaState.Succeeded] }).Validate().Should().BeNull("the scope is the same");
        foreach (PurgeRequest other in new[]
        {
            next with { Delete = true }, next with { OlderThan = TimeSpan.FromDays(1) }, next with { States = [SagaState.Stuck] }, next with { Definition = "all" },
        })
        {
            other.Validate().Should().StartWith("'continuation' must be", "it would skip sagas, and would not be recorded");
        }
    }

    /// <summary>Four sagas that are kept, three of them older than all others, and three that have expired: of two definitions and in two states.</summary>
    private async Task CreateHistoryAsync()
    {
        Membership us = await Db.JoinAsync();
        foreach (SagaState state in new[] { SagaState.Running, SagaState.Stuck, SagaState.Stuck })
        {
            await EndedAsync(us, state, TimeSpan.FromDays(90));
        }

        await EndedAsync(us, SagaState.Succeeded, TimeSpan.FromDays(31));
        await EndedAsync(us, SagaState.Unwound, TimeSpan.FromDays(31));
        await SetEndAsync(await Db.CreateSagaAsync(us, SagaDatabase.DefinitionNamed("other-saga")), SagaState.Succeeded, TimeSpan.FromDays(32));
        await EndedAsync(us, SagaState.Running, TimeSpan.FromDays(1));
    }

    private Task SetEndAsync(SagaId saga, SagaState state, TimeSpan ago) => Db.ExecuteAsync(
        "update saga_recovery.saga set state = @State, time_created = now() - @Ago, time_ended = now() - @Ago where id = @Id",
        new { Id = saga.Value, State = SagaNames.Of(state), Ago = ago });

    private async Task<(PurgeResponse Sum, int Requests)> RepeatAsync(PurgeRequest request, int sagasPerPage = 2)
    {
        PurgeResponse sum = await NewAction(sagasPerPage).PerformAsync(request, Note, CancellationToken.None);
        int requests = 1;
        for (; !sum.IsComplete && requests < 50; requests++)
        {
            PurgeRequest next = request with { Continuation = sum.Continuation };
            next.Validate().Should().BeNull();
            sum = sum.Plus(await NewAction(sagasPerPage).PerformAsync(next, Note, CancellationToken.None));
        }

        sum.IsComplete.Should().BeTrue();
        return (sum, requests);
    }

    /// <summary>It has time for one page.</summary>
    private PurgeAction NewAction(int sagasPerPage = 2) => new(Db.Retention, archive: null, TimeProvider.System)
    {
        Budget = TimeSpan.Zero,
        Pace = new PurgePace(sagasPerPage, TimeSpan.Zero),
        CountedPerPage = sagasPerPage,
    };
}
