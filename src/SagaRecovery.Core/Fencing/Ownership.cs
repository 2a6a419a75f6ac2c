namespace SagaRecovery.Fencing;

/// <summary>A number that rises each time a process joins under a coordinator id.</summary>
/// <remarks>Only the process with the highest incarnation may write. Older processes are fenced out.</remarks>
/// <param name="Value">The number; 1 for the first process that ever joined.</param>
public readonly record struct Incarnation(long Value)
{
    /// <summary>Returns the number alone.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>A number on each saga that rises each time its owner changes.</summary>
/// <param name="Value">The number; <see cref="Initial"/> for a saga that was never reassigned.</param>
public readonly record struct AdoptGeneration(long Value) : IComparable<AdoptGeneration>
{
    /// <summary>The generation of a new saga.</summary>
    /// <remarks>A saga that is announced and not yet confirmed cannot have any other generation.</remarks>
    public static AdoptGeneration Initial { get; } = new(1);

    /// <summary>The generation after the next change of owner.</summary>
    public AdoptGeneration Next => new(Value + 1);

    /// <inheritdoc />
    public int CompareTo(AdoptGeneration other) => Value.CompareTo(other.Value);

    /// <summary>Returns the number alone.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Returns true if <paramref name="left"/> is older than <paramref name="right"/>.</summary>
    public static bool operator <(AdoptGeneration left, AdoptGeneration right) => left.Value < right.Value;

    /// <summary>Returns true if <paramref name="left"/> is newer than <paramref name="right"/>.</summary>
    public static bool operator >(AdoptGeneration left, AdoptGeneration right) => left.Value > right.Value;

    /// <summary>Returns true if <paramref name="left"/> is not newer than <paramref name="right"/>.</summary>
    public static bool operator <=(AdoptGeneration left, AdoptGeneration right) => left.Value <= right.Value;

    /// <summary>Returns true if <paramref name="left"/> is not older than <paramref name="right"/>.</summary>
    public static bool operator >=(AdoptGeneration left, AdoptGeneration right) => left.Value >= right.Value;
}

/// <summary>A random token that identifies one join.</summary>
/// <remarks>A database that loses commits can assign one incarnation to two processes. It cannot assign one token to both.</remarks>
/// <param name="Value">The token as stored in the database.</param>
public readonly record struct JoinToken(Guid Value);

/// <summary>The credentials of a process that has joined: its coordinator id, its incarnation and the token of its join.</summary>
/// <param name="Coordinator">The configured id.</param>
/// <param name="Incarnation">The incarnation assigned by the join. It gives the order of joins and is shown to operators.</param>
/// <param name="Token">The token of the join. The store checks it in every write, heartbeat and read.</param>
public readonly record struct Membership(CoordinatorId Coordinator, Incarnation Incarnation, JoinToken Token)
{
    /// <summary>Returns this member's ownership of a saga at <paramref name="generation"/>.</summary>
    public Ownership Of(AdoptGeneration generation) => new(this, generation);

    /// <summary>Returns the form shown to operators: <c>id, incarnation n</c>.</summary>
    public override string ToString() => $"{Coordinator}, incarnation {Incarnation}";
}

/// <summary>The right to write to one saga.</summary>
/// <remarks>The executor receives it with each saga that it resumes. Every write is fenced with it.</remarks>
/// <param name="Member">The owner.</param>
/// <param name="Generation">The saga's generation at which the owner acquired it.</param>
public readonly record struct Ownership(Membership Member, AdoptGeneration Generation);
