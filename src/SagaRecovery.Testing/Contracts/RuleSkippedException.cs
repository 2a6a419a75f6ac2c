namespace SagaRecovery.Testing.Contracts;

/// <summary>The exception for a rule that was not checked because the subject does not override an optional member.</summary>
/// <remarks>
/// A skipped rule must not look like a rule that holds. Catch the exception and skip the test if your test framework supports that.
/// Otherwise exclude the optional rules by name.
/// </remarks>
public sealed class RuleSkippedException : Exception
{
    /// <summary>Initializes the exception with the name of the missing member.</summary>
    /// <param name="member">The optional member that the subject does not override.</param>
    public RuleSkippedException(string member)
        : base($"Not checked: the subject does not override {member}.") => Member = member;

    /// <summary>The optional member that the subject does not override.</summary>
    public string Member { get; }
}
