namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// What recovery relies on in an <see cref="SagaRecovery.Execution.ISagaExecutor"/> that writes through <see cref="SagaRecovery.Storage.ISagaLog"/>, as rules to be checked one by
/// one, in any test framework. With xunit:
/// <code>
/// public static TheoryData&lt;string&gt; Rules => [.. SagaExecutorContract.Rules];
///
/// [Theory, MemberData(nameof(Rules))]
/// public async Task Holds(string rule)
/// {
///     await using var subject = new MyExecutorSubject();
///     await SagaExecutorContract.CheckAsync(rule, subject);
/// }
/// </code>
/// Each rule runs a real host, with recovery and the executor in it, and a store in memory. Thread-safe: rules may be checked side by
/// side, each on a subject of its own.
/// </summary>
public static class SagaExecutorContract
{
    private static readonly Contract<ExecutorTrial> s_contract = new(ResumeRules.All, GenerationRules.All, RelinquishRules.All, StoppingRules.All);

    /// <summary>The names of all rules, the simple ones first.</summary>
    public static IReadOnlyList<string> Rules => s_contract.Names;

    /// <summary>Those of <see cref="Rules"/> that need an optional member of the subject.</summary>
    public static IReadOnlyList<string> OptionalRules => s_contract.OptionalNames;

    /// <summary>Checks one rule.</summary>
    /// <param name="rule">Its name, out of <see cref="Rules"/>.</param>
    /// <param name="subject">A fresh executor. It is the caller's to dispose.</param>
    /// <exception cref="ContractViolationException">The rule is broken.</exception>
    /// <exception cref="RuleSkippedException">The subject leaves out the optional member that the rule needs.</exception>
    /// <exception cref="ArgumentException">There is no such rule.</exception>
    public static async Task CheckAsync(string rule, SagaExecutorSubject subject)
    {
        var trial = new ExecutorTrial(subject);
        await using (trial.ConfigureAwait(false))
        {
            await s_contract.CheckAsync(rule, trial, 3 * subject.WaitTimeout).ConfigureAwait(false); // which tells less than a step that is waited for in vain
        }
    }
}
