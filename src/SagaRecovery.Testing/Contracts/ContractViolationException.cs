namespace SagaRecovery.Testing.Contracts;

/// <summary>The exception for a store or an executor that violates a rule of its contract.</summary>
/// <remarks>The message contains the rule, the expected and the observed behavior, and the consequence in production.</remarks>
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

    /// <summary>The name of the rule, as in the contract's list of rules.</summary>
    public string Rule { get; }

    /// <summary>The expected behavior.</summary>
    public string Expected { get; }

    /// <summary>The observed behavior.</summary>
    public string Happened { get; }

    /// <summary>The consequence of the violation in production.</summary>
    public string Cost { get; }
}
