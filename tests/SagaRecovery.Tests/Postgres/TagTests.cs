using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

public sealed class TagTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    private static readonly SagaTag s_vpc = new("vpc", "17");
    private static readonly SagaTag s_region = new("region", "eu");

    [Fact]
    public async Task A_saga_is_found_by_its_tags_and_shows_them()
    {
        Membership us = await Db.JoinAsync();
        SagaId tagged = await CreateAsync(us, [s_region, s_vpc]);
        SagaId other = await CreateAsync(us, [s_region]);
        await Db.CreateSagaAsync(us);

        (await FindAsync(s_vpc)).Should().Equal(tagged);
        (await FindAsync(s_region)).Should().Equal(other, tagged);
        (await FindAsync(s_region, s_vpc)).Should().Equal(tagged);
        (await FindAsync(new SagaTag("vpc", "1"))).Should().BeEmpty();
        (await Db.Operations.FindAsync(tagged, CancellationToken.None))!.Tags.Should().Equal(s_region, s_vpc);
    }

    [Fact]
    public async Task Sagas_that_are_inserted_together_get_their_own_tags()
    {
        Membership us = await Db.JoinAsync();
        NewSaga[] sagas = [.. Enumerable.Range(0, 50).Select(i => NewSaga(i % 2 == 0 ? [new SagaTag("number", $"{i}"), s_region] : []))];

        await Task.WhenAll(sagas.Select(saga => Db.Log.CreateAsync(us, saga, CancellationToken.None)));

        foreach (NewSaga saga in sagas)
        {
            (await Db.Operations.FindAsync(saga.Id, CancellationToken.None))!.Tags.Should().BeEquivalentTo(saga.Tags);
        }
    }

    [Fact]
    public async Task A_saga_that_exists_keeps_the_tags_of_its_first_start()
    {
        Membership us = await Db.JoinAsync();
        NewSaga first = NewSaga([s_vpc]);
        (await Db.Log.CreateAsync(us, first, CancellationToken.None)).Should().BeTrue();

        (await Db.Log.CreateAsync(us, first with { Tags = [new SagaTag("vpc", "18"), s_region] }, CancellationToken.None)).Should().BeFalse();

        (await Db.Operations.FindAsync(first.Id, CancellationToken.None))!.Tags.Should().Equal(s_vpc);
    }

    [Fact]
    public async Task A_saga_that_is_started_again_after_its_row_was_lost_has_the_tags_of_its_new_start()
    {
        Membership us = await Db.JoinAsync();
        NewSaga lost = NewSaga([s_vpc]);
        await Db.Log.CreateAsync(us, lost, CancellationToken.None);
        await Db.ExecuteAsync("delete from saga_recovery.saga"); // by hand, without its tags
        (await FindAsync(s_vpc)).Should().BeEmpty();

        (await Db.Log.CreateAsync(us, lost with { Tags = [new SagaTag("vpc", "18")] }, CancellationToken.None)).Should().BeTrue();

        (await Db.Operations.FindAsync(lost.Id, CancellationToken.None))!.Tags.Should().Equal(new SagaTag("vpc", "18"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_start_in_the_transaction_of_its_caller_commits_its_tags_with_it(bool commits)
    {
        Membership us = await Db.JoinAsync();
        var store = new PostgresSagaTransactions(Db.Database, new StoredDefinitions(Db.Database), Db.NewStore(), nodes: null!);
        NewSaga saga = NewSaga([s_region, s_vpc]);
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();

        (await store.CreateAsync(transaction, us, saga, CancellationToken.None)).Should().BeTrue();
        (await FindAsync(s_vpc)).Should().BeEmpty();
        await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());

        (await FindAsync(s_vpc)).Should().Equal(commits ? [saga.Id] : []);
        (await Db.QueryAsync<long>("select count(*) from saga_recovery.saga_tag")).Should().Be(commits ? 2 : 0);
        (await Db.QueryAsync<bool>("select coalesce(bool_and(t.time_created = s.time_created), true) from saga_recovery.saga_tag t join saga_recovery.saga s on s.id = t.saga_id"))
            .Should().BeTrue();
    }

    [Fact]
    public async Task The_limits_are_those_of_the_table()
    {
        Membership us = await Db.JoinAsync();
        SagaTag longest = new(new string('ä', SagaTag.MaxNameBytes / 2), new string('€', SagaTag.MaxValueBytes / 3));

        SagaId saga = await CreateAsync(us, SagaTag.From(new Dictionary<string, string> { [longest.Name] = longest.Value, ["empty"] = "" }));

        (await Db.Operations.FindAsync(saga, CancellationToken.None))!.Tags.Should().Equal(new SagaTag("empty", ""), longest);
        (await FindAsync(longest)).Should().Equal(saga);
    }

    [Theory]
    [InlineData("", "x", "The name of a tag is empty.")]
    [InlineData("a=b", "x", "The name of tag 'a=b' contains '='.")]
    [InlineData("a", "x\0", "Tag 'a' contains a NUL character or half of a surrogate pair, which the store cannot keep.")]
    [InlineData("a", null, "The value of tag 'a' is null.")]
    public void A_tag_that_cannot_be_stored_is_refused_with_the_reason(string name, string? value, string reason) =>
        Refusing(new Dictionary<string, string> { [name] = value! }).Should().Throw<ArgumentException>().WithMessage($"{reason}*");

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused() => // no constant of an attribute, whose text is UTF-8
        Refusing(new Dictionary<string, string> { ["a"] = "\ud800" }).Should().Throw<ArgumentException>().WithMessage("Tag 'a' contains a NUL character or half*");

    [Fact]
    public void Too_long_and_too_many_tags_are_refused_with_the_limit()
    {
        Refusing(new Dictionary<string, string> { [new string('n', 257)] = "" }).Should().Throw<ArgumentException>()
            .WithMessage($"The name of tag '{new string('n', 80)}…' has 257 bytes in UTF-8. The limit is 256.*");
        Refusing(new Dictionary<string, string> { ["a"] = new string('ä', 513) }).Should().Throw<ArgumentException>()
            .WithMessage("The value of tag 'a' has 1026 bytes in UTF-8. The limit is 1024.*");
        Refusing(Enumerable.Range(0, 33).ToDictionary(i => $"{i}", i => "")).Should().Throw<ArgumentException>()
            .WithMessage("A saga has at most 32 tags, and 33 are given.*");
    }

    private static Action Refusing(Dictionary<string, string> tags) => () => SagaTag.From(tags);

    private static NewSaga NewSaga(IReadOnlyList<SagaTag> tags) =>
        new(SagaId.NewAt(DateTimeOffset.UtcNow), SagaDatabase.Definition, "1"u8.ToArray()) { Tags = tags };

    private async Task<SagaId> CreateAsync(Membership us, IReadOnlyList<SagaTag> tags)
    {
        NewSaga saga = NewSaga(tags);
        (await Db.Log.CreateAsync(us, saga, CancellationToken.None)).Should().BeTrue();
        return saga.Id;
    }

    private async Task<IEnumerable<SagaId>> FindAsync(params SagaTag[] tags) =>
        (await Db.Operations.ListAsync(new SagaFilter { Tags = tags }, CancellationToken.None)).Select(saga => saga.Id);
}
