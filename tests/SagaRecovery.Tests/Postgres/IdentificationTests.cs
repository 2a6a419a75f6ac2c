using System.Globalization;
using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public sealed class IdentificationTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task An_id_is_that_of_a_saga_a_coordinator_a_definition_or_an_operator_action()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = await Db.CreateSagaAsync(us);
        await Db.Operations.HoldAsync(saga, new OperatorNote("ann", "INC-481"), CancellationToken.None);
        string hash = SagaDatabase.Definition.Hash.ToString();

        (await FindAsync(saga.ToString())).Should().Equal((IdKind.Saga, (SagaId?)saga));
        (await FindAsync(saga.Value.ToString("N"))).Should().Equal((IdKind.Saga, (SagaId?)saga));
        (await FindAsync(us.Coordinator.ToString())).Should().Equal((IdKind.Coordinator, null));
        (await FindAsync(hash)).Should().Equal((IdKind.Definition, null));
        (await FindAsync(hash[..7])).Should().Equal((IdKind.Definition, null));
        (await FindAsync(hash[..7].ToUpperInvariant())).Should().Equal((IdKind.Definition, null));
        (await FindAsync("test-saga")).Should().Equal((IdKind.Definition, null));
        (await FindAsync("1")).Should().Equal((IdKind.OperatorAction, (SagaId?)saga));
        (await FindAsync("2")).Should().BeEmpty();
        (await FindAsync(Guid.NewGuid().ToString())).Should().BeEmpty();
    }

    [Fact]
    public async Task The_first_eight_digits_or_more_of_an_id_find_the_newest_sagas_that_begin_so()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [Id("0199c1d2-5a3b-7c4d-8e5f-60718293a4b5"), Id("0199c1d2-5a3b-7c4d-8e5f-60718293a4b6"), Id("0199c1d2-5a3c-7000-8000-000000000000")];
        foreach (SagaId saga in sagas)
        {
            await CreateAsync(us, new NewSaga(saga, SagaDatabase.Definition, "1"u8.ToArray()));
        }

        (await FindAsync("0199c1d2")).Should().Equal(sagas.Reverse().Select(saga => (IdKind.Saga, (SagaId?)saga)));
        (await FindAsync("0199C1D2-5a3c")).Should().Equal((IdKind.Saga, (SagaId?)sagas[2]));
        (await FindAsync("0199c1d25a3b7c4d8e5f60718293a4b")).Should().Equal((IdKind.Saga, sagas[1]), (IdKind.Saga, (SagaId?)sagas[0]));
        foreach (string none in (string[])["0199c1d", "0199c1d2-5a3d", "0199-c1d25a3b", "0199c1d2-5a3b-7c4d-8e5f-60718293a4b5-", "0199c1d25a3b7c4d8e5f60718293a4b5a"])
        {
            (await FindAsync(none)).Should().BeEmpty(none);
        }

        static SagaId Id(string text) => new(Guid.Parse(text));
    }

    [Fact]
    public async Task A_part_of_a_definitions_name_finds_the_definition_after_those_with_the_whole_name()
    {
        Membership us = await Db.JoinAsync();
        foreach (string name in (string[])["a-test-saga", "test-saga", "Test-Saga-2"])
        {
            await CreateAsync(us, new NewSaga(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.DefinitionNamed(name), "1"u8.ToArray()));
        }

        (await NamesAsync("test-saga")).Should().Equal("test-saga", "Test-Saga-2", "a-test-saga");
        (await NamesAsync("EST")).Should().Equal("Test-Saga-2", "a-test-saga", "test-saga");
        (await NamesAsync("es")).Should().BeEmpty("two letters are no part that is looked for");
        (await NamesAsync("%st_saga")).Should().BeEmpty("it is no pattern");

        async Task<IEnumerable<string?>> NamesAsync(string text) => (await Db.Operations.IdentifyAsync(text, CancellationToken.None)).Select(match => match.Definition);
    }

    [Fact]
    public async Task A_start_key_leads_to_the_sagas_of_each_definition()
    {
        Membership us = await Db.JoinAsync();
        SavedDefinition other = SagaDatabase.DefinitionNamed("other");
        SagaId[] keyed = [SagaId.FromKey("test-saga", "order-4711"), SagaId.FromKey("other", "order-4711")];
        await CreateAsync(us, new NewSaga(keyed[0], SagaDatabase.Definition, "1"u8.ToArray()));
        await CreateAsync(us, new NewSaga(keyed[1], other, "1"u8.ToArray()));

        (await FindAsync("order-4711")).Should().BeEquivalentTo(keyed.Select(saga => (IdKind.StartKey, (SagaId?)saga)));
        (await FindAsync("order-4712")).Should().BeEmpty();
    }

    [Fact]
    public async Task A_text_may_be_several_things()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [.. Enumerable.Range(0, 3).Select(_ => SagaId.NewAt(DateTimeOffset.UtcNow))];
        for (int i = 0; i < sagas.Length; i++)
        {
            SagaTag tag = new(i == 2 ? "port" : "vpc", "17");
            await CreateAsync(us, new NewSaga(sagas[i], SagaDatabase.Definition, "1"u8.ToArray()) { Tags = [tag, new SagaTag("zone", i.ToString(CultureInfo.InvariantCulture))] });
        }

        for (int i = 0; i < 17; i++)
        {
            await Db.Operations.HoldAsync(sagas[0], new OperatorNote("ann", "again"), CancellationToken.None);
        }

        (await FindAsync("17")).Should().Equal(
            (IdKind.Tag, (SagaId?)sagas[2]), (IdKind.Tag, (SagaId?)sagas[1]), (IdKind.Tag, (SagaId?)sagas[0]), (IdKind.OperatorAction, (SagaId?)sagas[0]));
        (await FindAsync("vpc=17")).Should().Equal((IdKind.Tag, (SagaId?)sagas[1]), (IdKind.Tag, (SagaId?)sagas[0]));
        IReadOnlyList<IdMatch> matches = await Db.Operations.IdentifyAsync("17", CancellationToken.None);
        matches[0].Description.Should().StartWith($"value of tag 'port' of saga {sagas[2]}: test-saga, running, owner {us.Coordinator}, created ");
        matches[^1].Description.Should().StartWith($"operator action 17: hold of saga {sagas[0]} at ").And.EndWith(" by ann: again");
    }

    [Fact]
    public async Task A_search_takes_one_connection_so_that_several_at_once_do_not_wait_for_each_other()
    {
        Membership us = await Db.JoinAsync();
        var saga = SagaId.NewAt(DateTimeOffset.UtcNow);
        await CreateAsync(us, new NewSaga(saga, SagaDatabase.Definition, "1"u8.ToArray()) { Tags = [new SagaTag("vpc", "17")] });
        await using var small = new SagaDatabase($"{Db.Direct};Maximum Pool Size=3;Timeout=5", new PostgresStoreOptions { QueryTimeout = TimeSpan.FromMinutes(1) });

        IReadOnlyList<IdMatch>[] found = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => small.Operations.IdentifyAsync("vpc=17", CancellationToken.None)));

        found.Should().AllSatisfy(matches => matches.Should().ContainSingle(match => match.SagaId == saga));
    }

    [Fact]
    public async Task The_time_limit_holds_for_all_statements_together()
    {
        await Db.JoinAsync();
        var time = new WatchedTimeProvider();
        var options = new PostgresStoreOptions { QueryTimeout = TimeSpan.FromMinutes(30) };
        await using var impatient = new SagaDatabase(Db.Direct, options, time: time);
        await using NpgsqlConnection maintenance = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction locked = await maintenance.BeginTransactionAsync();
        await maintenance.ExecuteAsync("lock table saga_recovery.saga_tag");
        Task<IReadOnlyList<IdMatch>> search = impatient.Operations.IdentifyAsync("vpc=17", CancellationToken.None);
        await Db.WaitForBlockedSessionAsync("saga_tag");

        time.Advance(TimeSpan.FromMinutes(31)); // the server began the statement just now

        Func<Task> wait = () => search.WaitAsync(TimeSpan.FromSeconds(30));
        (await wait.Should().ThrowAsync<SearchTimeoutException>()).Which.Message.Should().StartWith("The query was stopped after 30m. It looks for ids, keys, tags");
        (await impatient.QueryAsync<int>("select 1")).Should().Be(1);
    }

    [Fact]
    public async Task A_search_that_gets_no_connection_in_time_does_not_say_that_it_should_be_narrowed()
    {
        await Db.JoinAsync();
        var time = new WatchedTimeProvider();
        await using var small = new SagaDatabase($"{Db.Direct};Maximum Pool Size=1;Timeout=60", time: time);
        await using NpgsqlConnection taken = await small.DataSource.OpenConnectionAsync();
        Task<IReadOnlyList<IdMatch>> search = small.Operations.IdentifyAsync("vpc=17", CancellationToken.None);

        await time.AdvanceToNextTimerAsync();

        Func<Task> wait = () => search.WaitAsync(TimeSpan.FromSeconds(30));
        (await wait.Should().ThrowExactlyAsync<TimeoutException>()).Which.Message.Should().Be(
            "The query had no connection within 5s: Postgres does not respond, or the connection pool has none free.");
    }

    private async Task CreateAsync(Membership us, NewSaga saga) => (await Db.Log.CreateAsync(us, saga, CancellationToken.None)).Should().BeTrue();

    private async Task<IEnumerable<(IdKind Kind, SagaId? SagaId)>> FindAsync(string text) =>
        (await Db.Operations.IdentifyAsync(text, CancellationToken.None)).Select(match => (match.Kind, match.SagaId));
}
