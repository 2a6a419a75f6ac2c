namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// What recovery and executors rely on in an <see cref="SagaRecovery.Storage.ISagaStore"/> with its <see cref="SagaRecovery.Storage.ISagaLog"/>, as rules to be checked one by
/// one, in any test framework. With xunit:
/// <code>
/// public static TheoryData&lt;string&gt; Rules => [.. SagaStoreContract.Rules];
///
/// [Theory, MemberData(nameof(Rules))]
/// public async Task Holds(string rule)
/// {
///     await using var subject = new MyStoreSubject();
///     await SagaStoreContract.CheckAsync(rule, subject);
/// }
/// </code>
/// Thread-safe: rules may be checked side by side, each on a subject of its own.
/// </summary>
public static class SagaStoreContract
{
    private static readonly Contract<StoreTrial> s_contract = new(
        JoiningRules.All,
        RejoiningRules.All,
        CreatingRules.All,
        ListingRules.All,
        LoadingRules.All,
        AppendingRules.All,
        EndingRules.All,
        RestoringRules.All,
        FindingLostRules.All,
        AbandoningRules.All,
        RacingRules.All);

    /// <summary>The names of all rules, the simple ones first.</summary>
    public static IReadOnlyList<string> Rules => s_contract.Names;

    /// <summary>Those of <see cref="Rules"/> that need an optional member of the subject.</summary>
    public static IReadOnlyList<string> OptionalRules => s_contract.OptionalNames;

    /// <summary>Checks one rule.</summary>
    /// <param name="rule">Its name, out of <see cref="Rules"/>.</param>
    /// <param name="subject">A fresh store. It is the caller's to dispose.</param>
    /// <exception cref="ContractViolationException">The rule is broken.</exception>
    /// <exception cref="RuleSkippedException">The subject leaves out the optional member that the rule needs.</exception>
    /// <exception cref="ArgumentException">There is no such rule.</exception>
    public static Task CheckAsync(string rule, SagaStoreSubject subject) =>
        s_contract.CheckAsync(rule, new StoreTrial(subject), subject.WaitTimeout);
}
