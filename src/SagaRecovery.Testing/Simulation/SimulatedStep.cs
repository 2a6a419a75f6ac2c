namespace SagaRecovery.Testing;

/// <summary>A step at which a simulated process can be held while the others continue.</summary>
public enum SimulatedStep
{
    /// <summary>Before the process joins or rejoins.</summary>
    Join,

    /// <summary>Before the process reads a page of the listing. The starts are drained, and the page is read when the step is released.</summary>
    ListPage,

    /// <summary>After all pages are read, and before the process gets the result. The second drain of the starts comes later.</summary>
    ListAnswer,

    /// <summary>Before the store rechecks and loads candidates.</summary>
    Load,

    /// <summary>After the candidates are loaded, and before the process gets them.</summary>
    LoadAnswer,

    /// <summary>Before the executor resumes a saga.</summary>
    Resume,

    /// <summary>After the executor resumed the saga, and before recovery gets the outcome.</summary>
    ResumeAnswer,

    /// <summary>Before the executor relinquishes a saga.</summary>
    Relinquish,

    /// <summary>Before the row of a new saga is inserted.</summary>
    Insert,

    /// <summary>After the row is committed, and before the process gets the result.</summary>
    InsertAnswer,

    /// <summary>Before entries are written to the log. A hold for one saga applies to the saga of the first entry.</summary>
    Write,

    /// <summary>After the entries are committed, and before the process gets the result.</summary>
    WriteAnswer,

    /// <summary>Before a saga is abandoned.</summary>
    Abandon,
}
