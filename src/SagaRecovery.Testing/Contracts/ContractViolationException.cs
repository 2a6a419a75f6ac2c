namespace SagaRecovery.Testing.Contracts;

/// <summary>A store or an executor breaks a rule of its contract. The message says which, how it showed, and what it would cost.</summary>
public sealed class ContractViolationException : Exception
{
    internal ContractViolationException(string rule, string cost, string expected, string happened, Exception? cause)
        : base($"Broken rule: {rule}.\n  expected: {expected}\n  happened: {happened}\n  in production: {cost}", cause)
    {
        Rule = rule;
        Expected = expected;
        Happened = happened;
        Cost = cost;
    }

    /// <summary>The rule, as it stands in the list of rules.</summary>
    public string Rule { get; }

    /// <summary>What should have happened.</summary>
    public string Expected { get; }

    /// <summary>What happened instead.</summary>
    public string Happened { get; }

    /// <summary>What breaking the rule would cost in production.</summary>
    public string Cost { get; }
}
