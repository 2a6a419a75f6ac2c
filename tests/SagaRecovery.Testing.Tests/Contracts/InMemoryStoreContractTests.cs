using SagaRecovery.Testing.Contracts;

namespace SagaRecovery.Testing.Tests.Contracts;

public sealed class InMemoryStoreContractTests
{
    public static TheoryData<string> Rules => [.. SagaStoreContract.Rules.Except(SagaStoreContract.OptionalRules)];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task The_store_in_memory_keeps_the_contract(string rule)
    {
        await using var subject = new InMemorySubject();
        await SagaStoreContract.CheckAsync(rule, subject);
    }

    [Fact]
    public async Task An_abandoned_saga_shows_why()
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

    [Fact]
    public async Task A_rule_that_was_passed_over_does_not_look_like_one_that_holds()
    {
        await using var subject = new InMemorySubject();
        Func<Task> check = () => SagaStoreContract.CheckAsync(SagaStoreContract.OptionalRules.Single(), subject);
        (await check.Should().ThrowAsync<RuleSkippedException>()).Which.Member.Should().Be("MakeUnreadableAsync");
    }

    [Fact]
    public async Task A_rule_that_is_none_is_said_to_be_none()
    {
        await using var subject = new InMemorySubject();
        Func<Task> check = () => SagaStoreContract.CheckAsync("no rule", subject);
        await check.Should().ThrowAsync<ArgumentException>();
    }
}

internal sealed class InMemorySubject : SagaStoreSubject
{
    private readonly InMemorySagaStore _store = new();

    public override ISagaStore Store => _store;

    public override ISagaLog Log => _store;

    public override Task ReassignAsync(SagaId sagaId, CoordinatorId? to)
    {
        _store.Reassign(sagaId, to);
        return Task.CompletedTask;
    }
}
