namespace SagaRecovery.Bookkeeping;

/// <summary>The identity of the definition that a saga was started with. Immutable and thread-safe.</summary>
/// <remarks>A store should return one object for all sagas of a definition, so that a listing allocates nothing for each saga.</remarks>
/// <param name="Hash">The hash of the definition: 64 lowercase hexadecimal digits.</param>
public sealed record DefinitionKey(string Hash)
{
    private readonly int _hashCode = Hash.GetHashCode(StringComparison.Ordinal); // computed once: a listing looks a key up for each saga

    /// <summary>Returns true if both have the same hash.</summary>
    public bool Equals(DefinitionKey? other) =>
        ReferenceEquals(this, other) || (other is not null && _hashCode == other._hashCode && Hash == other.Hash);

    /// <inheritdoc />
    public override int GetHashCode() => _hashCode;

    /// <summary>Returns the hash.</summary>
    public override string ToString() => Hash;
}

/// <summary>The relation of an executor to a definition, as far as it is known before a saga is loaded.</summary>
public enum DefinitionSupport
{
    /// <summary>The executor does not report its definitions. Only its answers count.</summary>
    NotReported,

    /// <summary>
    /// The executor has the definition, or makes the DAG of this name from the parameters of each saga. In the second case its answer is about
    /// one saga, and not about the others.
    /// </summary>
    Reported,

    /// <summary>The executor reports its definitions, and this one is not among them.</summary>
    Missing,
}
