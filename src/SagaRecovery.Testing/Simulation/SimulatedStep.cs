namespace SagaRecovery.Testing;

/// <summary>A moment at which a simulated process can be held while everybody else goes on.</summary>
public enum SimulatedStep
{
    /// <summary>Before a process joins.</summary>
    Join,

    /// <summary>Before a page of the listing is read. The starts have been drained; the page will show what stands there when it is let go.</summary>
    ListPage,

    /// <summary>All pages have been read, and the process does not know it yet: its next drain comes after this.</summary>
    ListAnswer,

    /// <summary>Before candidates are looked at again and loaded.</summary>
    Load,

    /// <summary>They have been loaded, and the process does not know it yet.</summary>
    LoadAnswer,

    /// <summary>Before the executor takes a saga on.</summary>
    HandOver,

    /// <summary>The executor runs it, and the process does not know it yet.</summary>
    ResumeAnswer,

    /// <summary>Before the executor is told to let go of a saga.</summary>
    Relinquish,

    /// <summary>Before the row of a new saga is inserted.</summary>
    Insert,

    /// <summary>The row is committed, and the process does not know it yet.</summary>
    InsertAnswer,

    /// <summary>Before entries are written to the log; the saga is that of the first entry.</summary>
    Write,

    /// <summary>They are committed, and the process does not know it yet.</summary>
    WriteAnswer,

    /// <summary>Before a saga is abandoned.</summary>
    Abandon,
}
