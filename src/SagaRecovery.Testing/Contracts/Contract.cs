using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery.Testing.Contracts;

/// <summary>One rule.</summary>
/// <param name="Name">A sentence without its full stop.</param>
/// <param name="Cost">What breaking it would cost in production.</param>
/// <param name="CheckAsync">Throws <see cref="BrokenRuleException"/> where it is broken.</param>
internal sealed record Rule<TTrial>(string Name, string Cost, Func<TTrial, Task> CheckAsync)
{
    /// <summary>Whether it needs an optional member of the subject.</summary>
    public bool IsOptional { get; init; }
}

/// <summary>The rules of one contract, by name and in order.</summary>
internal sealed class Contract<TTrial>(params IEnumerable<Rule<TTrial>>[] parts)
{
    private readonly List<Rule<TTrial>> _rules = [.. parts.SelectMany(part => part)];

    public IReadOnlyList<string> Names => [.. _rules.Select(rule => rule.Name)];

    public IReadOnlyList<string> OptionalNames => [.. _rules.Where(rule => rule.IsOptional).Select(rule => rule.Name)];

    [SuppressMessage("Design", "CA1031", Justification = "Whatever the subject throws out of turn breaks the rule that is being checked.")]
    public async Task CheckAsync(string name, TTrial trial, TimeSpan patience)
    {
        Rule<TTrial> rule = _rules.Find(rule => rule.Name == name)
            ?? throw new ArgumentException($"There is no rule '{name}'.", nameof(name));
        try
        {
            // On the pool, so that a store that blocks its caller is found out too.
            await Task.Run(() => rule.CheckAsync(trial)).WaitAsync(patience).ConfigureAwait(false);
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
                $"every call answers, and the rule is checked within {patience.TotalSeconds} s",
                "it was not: something hangs",
                exception);
        }
        catch (Exception exception) when (exception is not RuleSkippedException)
        {
            throw new ContractViolationException(
                rule.Name, rule.Cost, "no exception", $"{exception.GetType().Name}: {exception.Message}", exception);
        }
    }
}
