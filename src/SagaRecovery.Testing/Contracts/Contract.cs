using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery.Testing.Contracts;

/// <summary>A rule of a contract.</summary>
/// <param name="Name">The rule as a sentence, without the final period.</param>
/// <param name="Cost">The consequence of a violation in production.</param>
/// <param name="CheckAsync">The check, which throws <see cref="BrokenRuleException"/> on a violation.</param>
internal sealed record Rule<TTrial>(string Name, string Cost, Func<TTrial, Task> CheckAsync)
{
    /// <summary>True if the check needs an optional member of the subject.</summary>
    public bool IsOptional { get; init; }
}

/// <summary>The rules of a contract, in order.</summary>
internal sealed class Contract<TTrial>(params IEnumerable<Rule<TTrial>>[] parts)
{
    private readonly List<Rule<TTrial>> _rules = [.. parts.SelectMany(part => part)];

    public IReadOnlyList<string> Names => [.. _rules.Select(rule => rule.Name)];

    public IReadOnlyList<string> OptionalNames => [.. _rules.Where(rule => rule.IsOptional).Select(rule => rule.Name)];

    [SuppressMessage("Design", "CA1031", Justification = "Any unexpected exception of the subject violates the rule under test.")]
    public async Task CheckAsync(string name, TTrial trial, TimeSpan timeout)
    {
        Rule<TTrial> rule = _rules.Find(rule => rule.Name == name)
            ?? throw new ArgumentException($"The contract has no rule '{name}'.", nameof(name));
        try
        {
            // On the thread pool: otherwise a store that blocks its caller would bypass the timeout.
            await Task.Run(() => rule.CheckAsync(trial)).WaitAsync(timeout).ConfigureAwait(false);
        }
        catch (BrokenRuleException broken)
        {
            throw new ContractViolationException(rule.Name, rule.Cost, broken.Expected, broken.Happened, broken.InnerException);
        }
        catch (TimeoutException exception)
        {
            throw new ContractViolationException(
                rule.Name,
                rule.Cost,
                $"every call returns and the check finishes within {timeout.TotalSeconds} s",
                "the check timed out",
                exception);
        }
        catch (Exception exception) when (exception is not RuleSkippedException)
        {
            throw new ContractViolationException(
                rule.Name, rule.Cost, "no exception", $"{exception.GetType().Name}: {exception.Message}", exception);
        }
    }
}
