namespace SagaRecovery.Testing.Tests.Exploration;

/// <summary>Tests that keep all processors busy: one after the other, and beside no others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "explores";
}
