namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// A rule was not checked, because the subject leaves out an optional member. It is an exception so that a rule that was passed over
/// does not look like one that holds: catch it where your test framework can skip a test, or leave the optional rules out by name.
/// </summary>
public sealed class RuleSkippedException : Exception
{
    /// <summary>Says what is missing.</summary>
    /// <param name="member">The optional member that the subject does not override.</param>
    public RuleSkippedException(string member)
        : base($"Not checked: the subject does not override {member}.") => Member = member;

    /// <summary>The optional member that the subject does not override.</summary>
    public string Member { get; }
}
