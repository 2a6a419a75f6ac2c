namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// The rules that an <see cref="SagaRecovery.Execution.ISagaExecutor"/> that writes through
/// <see cref="SagaRecovery.Storage.ISagaLog"/> must keep for recovery to work.
/// </summary>
/// <remarks>
/// Each rule is checked on its own, in any test framework. It runs a real host with recovery, the executor and an in-memory store.
/// Thread-safe: rules can be checked concurrently, each with its own subject.
/// </remarks>
/// <example>
/// With xunit:
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
/// </example>
public static class SagaExecutorContract
{
    private static readonly Contract<ExecutorTrial> s_contract = new(ResumeRules.All, GenerationRules.All, RelinquishRules.All, StoppingRules.All);

    /// <summary>The names of all rules, simple rules first.</summary>
    public static IReadOnlyList<string> Rules => s_contract.Names;

    /// <summary>The names of the rules that need an optional member of the subject. A subset of <see cref="Rules"/>.</summary>
    public static IReadOnlyList<string> OptionalRules => s_contract.OptionalNames;

    /// <summary>Checks one rule.</summary>
    /// <param name="rule">The name of the rule, one of <see cref="Rules"/>.</param>
    /// <param name="subject">A new subject. The caller must dispose it.</param>
    /// <exception cref="ContractViolationException">The executor violates the rule.</exception>
    /// <exception cref="RuleSkippedException">The rule needs an optional member that the subject does not override.</exception>
    /// <exception cref="ArgumentException"><paramref name="rule"/> is not one of <see cref="Rules"/>.</exception>
    public static async Task CheckAsync(string rule, SagaExecutorSubject subject)
    {
        var trial = new ExecutorTrial(subject);
        await using (trial.ConfigureAwait(false))
        {
            // Longer than the timeout of a single wait, whose message names what did not happen.
            await s_contract.CheckAsync(rule, trial, 3 * subject.WaitTimeout).ConfigureAwait(false);
        }
    }
}
