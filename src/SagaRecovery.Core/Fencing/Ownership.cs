namespace SagaRecovery.Fencing;

/// <summary>
/// A number that rises each time a process joins under a coordinator id. Only the process with the highest may write; the older
/// ones are fenced out.
/// </summary>
/// <param name="Value">1 for the first process that ever joined.</param>
public readonly record struct Incarnation(long Value)
{
    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>A number on each saga that rises each time its owner changes.</summary>
/// <param name="Value"><see cref="Initial"/> for a saga that was never reassigned.</param>
public readonly record struct AdoptGeneration(long Value) : IComparable<AdoptGeneration>
{
    /// <summary>What a new saga's row carries. A saga that was announced and not yet confirmed can have no other.</summary>
    public static AdoptGeneration Initial { get; } = new(1);

    /// <summary>The generation after the next change of owner.</summary>
    public AdoptGeneration Next => new(Value + 1);

    /// <inheritdoc />
    public int CompareTo(AdoptGeneration other) => Value.CompareTo(other.Value);

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Earlier than.</summary>
    public static bool operator <(AdoptGeneration left, AdoptGeneration right) => left.Value < right.Value;

    /// <summary>Later than.</summary>
    public static bool operator >(AdoptGeneration left, AdoptGeneration right) => left.Value > right.Value;

    /// <summary>Not later than.</summary>
    public static bool operator <=(AdoptGeneration left, AdoptGeneration right) => left.Value <= right.Value;

    /// <summary>Not earlier than.</summary>
    public static bool operator >=(AdoptGeneration left, AdoptGeneration right) => left.Value >= right.Value;
}

/// <summary>
/// The random name of one join. A database that loses commits can give one number to two processes, and never one token.
/// </summary>
/// <param name="Value">The token as it stands in the database.</param>
public readonly record struct JoinToken(Guid Value);

/// <summary>What a process holds once it has joined: its coordinator id, the incarnation it was given, and the token of its join.</summary>
/// <param name="Coordinator">The configured id.</param>
/// <param name="Incarnation">The number that joining raised the coordinator to, for people and for the order of joins.</param>
/// <param name="Token">The join itself. The store compares it in every write, heartbeat and read.</param>
public readonly record struct Membership(CoordinatorId Coordinator, Incarnation Incarnation, JoinToken Token)
{
    /// <summary>The ownership of a saga that this member owns at <paramref name="generation"/>.</summary>
    public Ownership Of(AdoptGeneration generation) => new(this, generation);

    /// <summary>For people: <c>id, incarnation n</c>.</summary>
    public override string ToString() => $"{Coordinator}, incarnation {Incarnation}";
}

/// <summary>The right to write about one saga; what the executor is handed, and what every write is fenced with.</summary>
/// <param name="Member">Whose it is.</param>
/// <param name="Generation">Since which change of owner.</param>
public readonly record struct Ownership(Membership Member, AdoptGeneration Generation);
