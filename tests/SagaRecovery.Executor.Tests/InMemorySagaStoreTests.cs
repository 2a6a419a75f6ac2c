using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Executor.Tests.Progress;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

public sealed class InMemorySagaStoreTests
{
    private static readonly SagaId Id = SagaId.NewAt(DateTimeOffset.UnixEpoch);
    private static readonly byte[] Dag = "{}"u8.ToArray();

    private readonly InMemorySagaStore _store = new();

    [Fact]
    public async Task Joining_again_fences_the_earlier_process_out_of_everything()
    {
        Membership old = await CreateAsync();
        Membership present = await _store.JoinAsync(TestProcess.Me, CancellationToken.None);

        present.Incarnation.Value.Should().Be(2);
        Func<Task>[] calls =
        [
            () => AppendAsync(old, "0 Started"),
            () => _store.CreateAsync(old, NewSaga(SagaId.NewAt(DateTimeOffset.UnixEpoch)), CancellationToken.None),
            () => _store.LoadAsync(old, [], CancellationToken.None),
            () => _store.AbandonAsync(Id, old.Of(AdoptGeneration.Initial), new Abandonment("corrupt", ""), CancellationToken.None),
        ];
        foreach (Func<Task> call in calls)
        {
            (await call.Should().ThrowAsync<CoordinatorFencedException>()).Which.By.Should().Be(present.Incarnation);
        }
    }

    [Fact]
    public async Task A_saga_takes_writes_of_its_owner_at_its_generation_only()
    {
        Membership me = await CreateAsync();
        (await AppendAsync(me, "0 Started")).Should().BeTrue();
        _store.Reassign(Id, TestProcess.Other);

        (await AppendAsync(me, "0 Succeeded")).Should().BeFalse();
        _store.Reassign(Id, TestProcess.Me);
        (await AppendAsync(me, "0 Succeeded")).Should().BeFalse("it came back at a newer generation");
        (await AppendAsync(me, "0 Succeeded", generation: 3)).Should().BeTrue();

        _store.Get(Id).Events.Should().HaveCount(2);
    }

    [Fact]
    public async Task Writing_again_what_stands_there_is_harmless_even_after_the_end()
    {
        Membership me = await CreateAsync();
        (await AppendAsync(me, "0 Started", state: SagaState.Succeeded)).Should().BeTrue();

        (await AppendAsync(me, "0 Started", state: SagaState.Succeeded)).Should().BeTrue();
        (await AppendAsync(me, "1 Started")).Should().BeFalse("an ended saga takes nothing new");

        _store.Get(Id).Events.Should().ContainSingle();
    }

    [Fact]
    public async Task A_saga_is_loaded_while_it_is_in_progress_ours_and_at_the_listed_generation()
    {
        Membership me = await CreateAsync();
        Candidate candidate = new(Id, "x", AdoptGeneration.Initial);

        (await _store.LoadAsync(me, [candidate], CancellationToken.None)).Single().Should().BeOfType<LoadedSaga.Present>();
        (await _store.AbandonAsync(Id, me.Of(AdoptGeneration.Initial), new Abandonment("corrupt", "why"), CancellationToken.None)).Should().BeTrue();
        (await _store.LoadAsync(me, [candidate], CancellationToken.None)).Single().Should().Be(LoadedSaga.MovedOn.Instance);
        _store.Get(Id).Abandonment.Should().Be(new Abandonment("corrupt", "why"));
    }

    [Fact]
    public async Task The_listing_shows_what_is_in_progress_and_ours()
    {
        Membership me = await CreateAsync();
        SagaId given = SagaId.NewAt(DateTimeOffset.UnixEpoch.AddSeconds(1));
        await _store.CreateAsync(me, NewSaga(given), CancellationToken.None);
        _store.Reassign(given, TestProcess.Other);
        var tracker = new SagaTracker(new StartInbox(), new BackoffPolicy(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)));
        OpenedPass pass = tracker.OpenPass(Status.PassReason.Periodic, DateTimeOffset.UnixEpoch);

        CandidateListing listing = pass.BeginListing();
        await _store.ListCandidatesAsync(me, listing, CancellationToken.None);

        pass.Reconcile(listing, DateTimeOffset.UnixEpoch).MakePlan().Recover
            .Should().Equal(new Candidate(Id, "x", AdoptGeneration.Initial));
    }

    private async Task<Membership> CreateAsync()
    {
        Membership me = await _store.JoinAsync(TestProcess.Me, CancellationToken.None);
        (await _store.CreateAsync(me, NewSaga(Id), CancellationToken.None)).Should().BeTrue();
        (await _store.CreateAsync(me, NewSaga(Id), CancellationToken.None)).Should().BeFalse("there is one");
        return me;
    }

    private async Task<bool> AppendAsync(Membership member, string log, SagaState? state = null, long generation = 1)
    {
        SagaLogEntry[] entries = [new(Id, new AdoptGeneration(generation), TestShapes.Log(log), state)];
        return (await _store.AppendAsync(member, entries, CancellationToken.None)).Single();
    }

    private static NewSaga NewSaga(SagaId id) => new(id, new SavedDefinition(DefinitionHash.Of(Dag), "x", 1, Dag), Dag);
}
