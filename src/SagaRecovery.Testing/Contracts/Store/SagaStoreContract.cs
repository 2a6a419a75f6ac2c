namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// The rules that an <see cref="SagaRecovery.Storage.ISagaStore"/> and its <see cref="SagaRecovery.Storage.ISagaLog"/> must keep for
/// recovery and executors to work.
/// </summary>
/// <remarks>
/// Each rule is checked on its own, in any test framework. Thread-safe: rules can be checked concurrently, each with its own subject.
/// </remarks>
/// <example>
/// With xunit:
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
/// </example>
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
        CancellingRules.All,
        RestoringRules.All,
        FindingLostRules.All,
        ReadingRules.All,
        DefiningRules.All,
        RetentionRules.All,
        AbandoningRules.All,
        RacingRules.All);

    /// <summary>The names of all rules, simple rules first.</summary>
    public static IReadOnlyList<string> Rules => s_contract.Names;

    /// <summary>The names of the rules that need an optional member of the subject. A subset of <see cref="Rules"/>.</summary>
    public static IReadOnlyList<string> OptionalRules => s_contract.OptionalNames;

    /// <summary>Checks one rule.</summary>
    /// <param name="rule">The name of the rule, one of <see cref="Rules"/>.</param>
    /// <param name="subject">A new subject. The caller must dispose it.</param>
    /// <exception cref="ContractViolationException">The store violates the rule.</exception>
    /// <exception cref="RuleSkippedException">The rule needs an optional member that the subject does not override.</exception>
    /// <exception cref="ArgumentException"><paramref name="rule"/> is not one of <see cref="Rules"/>.</exception>
    public static Task CheckAsync(string rule, SagaStoreSubject subject) =>
        s_contract.CheckAsync(rule, new StoreTrial(subject), subject.WaitTimeout);
}
