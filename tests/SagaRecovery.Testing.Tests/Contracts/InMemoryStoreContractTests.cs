using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

public sealed class InMemoryStoreContractTests
{
    /// <summary>The one rule that the store in memory leaves out: it reads all that it holds.</summary>
    private const string NeedsUnreadable = "An unreadable saga stays listed, is loaded as unreadable, and does not affect others";

    public static TheoryData<string> Rules => [.. SagaStoreContract.Rules.Except([NeedsUnreadable])];

    public static TheoryData<string> OptionalRules => [.. SagaStoreContract.OptionalRules];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task The_store_in_memory_keeps_the_contract(string rule)
    {
        await using var subject = new InMemorySubject(losableCommits: SagaStoreContract.OptionalRules.Contains(rule) ? 1 : 0);
        await SagaStoreContract.CheckAsync(rule, subject);
    }

    [Fact]
    public async Task An_abandoned_saga_shows_the_reason()
    {
        var store = new InMemorySagaStore();
        var saga = new SagaId(Guid.NewGuid());
        Membership member = await store.JoinAsync(new CoordinatorId(Guid.NewGuid()), CancellationToken.None);
        var definition = new SavedDefinition(DefinitionHash.Of("{}"u8), "any", 1, "{}"u8.ToArray());
        await store.CreateAsync(member, new NewSaga(saga, definition, "{}"u8.ToArray()), CancellationToken.None);
        var why = new Abandonment("corrupt", "node 3 succeeded without having started");

        await store.AbandonAsync(saga, member.Of(AdoptGeneration.Initial), why, CancellationToken.None);

        store.Get(saga).Abandonment.Should().Be(why);
    }

    [Theory]
    [MemberData(nameof(OptionalRules))]
    public async Task A_rule_that_was_passed_over_does_not_look_like_one_that_holds(string rule)
    {
        await using var subject = new BareSubject();
        Func<Task> check = () => SagaStoreContract.CheckAsync(rule, subject);
        (await check.Should().ThrowAsync<RuleSkippedException>()).Which.Member.Should().Be(
            rule == NeedsUnreadable ? "MakeUnreadableAsync"
            : rule.Contains("cancel", StringComparison.Ordinal) ? "CancelAsync"
            : rule.Contains("Retention", StringComparison.Ordinal) || rule.Contains("turn to delete", StringComparison.Ordinal) ? "Retention"
            : rule.Contains("definition", StringComparison.OrdinalIgnoreCase) ? "Definitions"
            : rule.Contains(" read with ", StringComparison.Ordinal) || rule.Contains("awaited", StringComparison.Ordinal) ? "Reader"
            : "LoseLastJoinAsync");
    }

    [Fact]
    public async Task An_unknown_rule_is_refused()
    {
        await using var subject = new InMemorySubject();
        Func<Task> check = () => SagaStoreContract.CheckAsync("no rule", subject);
        await check.Should().ThrowAsync<ArgumentException>();
    }
}

/// <summary>Leaves out every optional member.</summary>
internal class BareSubject(int losableCommits = 0) : SagaStoreSubject
{
    public override ISagaStore Store => Sagas;

    public override ISagaLog Log => Sagas;

    protected InMemorySagaStore Sagas { get; } = new() { LosableCommits = losableCommits };

    public override Task ReassignAsync(SagaId sagaId, CoordinatorId? to)
    {
        Sagas.Reassign(sagaId, to);
        return Task.CompletedTask;
    }
}

internal sealed class InMemorySubject(int losableCommits = 0) : BareSubject(losableCommits)
{
    public override ISagaReader Reader => Sagas;

    public override ISagaDefinitions Definitions => Sagas;

    public override ISagaRetention Retention => Sagas;

    public override Task<bool> CancelAsync(SagaId sagaId, SagaCancellation cancellation) => Task.FromResult(Sagas.Cancel(sagaId, cancellation));

    public override Task LoseLastJoinAsync(CoordinatorId coordinator)
    {
        Sagas.LoseLastCommits(1);
        return Task.CompletedTask;
    }
}
