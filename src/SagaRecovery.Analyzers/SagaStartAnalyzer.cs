using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>
/// SAGA005: finds announced starts that may never be withdrawn, and inserts that come before the announcement. A start that leaves its
/// function (returned, passed on, stored) belongs to other code and is not reported.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SagaStartAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc />
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        [Rules.StartNotDisposed, Rules.InsertedBeforeAnnouncement];

    /// <inheritdoc />
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            Compilation compilation = start.Compilation;
            if (compilation.GetTypeByMetadataName(KnownTypes.SagaStarts) is { } starts)
            {
                INamedTypeSymbol? log = compilation.GetTypeByMetadataName(KnownTypes.SagaLog);
                start.RegisterOperationAction(call => Analyze(call, starts, log), OperationKind.Invocation);
            }
        });
    }

    private static void Analyze(OperationAnalysisContext context, INamedTypeSymbol starts, INamedTypeSymbol? log)
    {
        var call = (IInvocationOperation)context.Operation;
        if (!IsAnnouncement(call, starts))
        {
            return;
        }

        if (!IsDisposed(call))
        {
            context.ReportDiagnostic(Diagnostic.Create(Rules.StartNotDisposed, call.Syntax.GetLocation()));
        }

        if (log is not null && FindEarlierInsert(call, starts, log) is { } insert)
        {
            context.ReportDiagnostic(Diagnostic.Create(Rules.InsertedBeforeAnnouncement, insert.Syntax.GetLocation(), [call.Syntax.GetLocation()]));
        }
    }

    private static bool IsAnnouncement(IInvocationOperation call, INamedTypeSymbol starts) =>
        call.TargetMethod.IsMethodOf(starts, KnownTypes.AnnounceMethod);

    private static bool IsDisposed(IInvocationOperation announcement)
    {
        IOperation value = announcement;
        while (value.Parent is IConversionOperation or IParenthesizedOperation)
        {
            value = value.Parent;
        }

        return value.Parent switch
        {
            IExpressionStatementOperation => false,
            ISimpleAssignmentOperation { Target: IDiscardOperation } => false,
            IInvocationOperation direct when direct.Instance == value => IsDispose(direct),
            IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => IsDisposed(declarator),
            ISimpleAssignmentOperation { Target: ILocalReferenceOperation local } => IsDisposed(local.Local, announcement),
            _ => true, // passed to other code
        };
    }

    private static bool IsDisposed(IVariableDeclaratorOperation declarator)
    {
        IOperation? statement = declarator;
        while (statement is IVariableDeclaratorOperation or IVariableDeclarationOperation or IVariableDeclarationGroupOperation)
        {
            statement = statement.Parent;
        }

        return statement is IUsingDeclarationOperation or IUsingOperation || IsDisposed(declarator.Symbol, declarator);
    }

    private static bool IsDisposed(ILocalSymbol local, IOperation announced)
    {
        IEnumerable<ILocalReferenceOperation> references = announced.Topmost().Descendants().OfType<ILocalReferenceOperation>()
            .Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local));
        foreach (ILocalReferenceOperation reference in references)
        {
            IOperation value = reference;
            while (value.Parent is IConversionOperation or IParenthesizedOperation)
            {
                value = value.Parent;
            }

            bool isSafe = value.Parent switch
            {
                ISimpleAssignmentOperation assignment when assignment.Target == value => false,
                IInvocationOperation call when call.Instance == value => IsDispose(call) && RunsOnEveryPath(call, announced),
                IConditionalAccessOperation { WhenNotNull: IInvocationOperation call } => IsDispose(call) && RunsOnEveryPath(call, announced),
                IMemberReferenceOperation or IBinaryOperation or IIsPatternOperation or IIsTypeOperation => false,
                _ => true, // using (start), or passed to other code
            };
            if (isSafe)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsDispose(IInvocationOperation call) =>
        call.TargetMethod.Name is nameof(IDisposable.Dispose) or "DisposeAsync" && call.Arguments.IsEmpty;

    /// <summary>Returns true if a call also runs after a failure: it is in a catch or finally, or nothing before it can fail.</summary>
    private static bool RunsOnEveryPath(IInvocationOperation dispose, IOperation announced)
    {
        for (IOperation? around = dispose; around?.Parent is { } parent; around = parent)
        {
            if (parent is ICatchClauseOperation || (parent is ITryOperation attempt && attempt.Finally == around))
            {
                return true;
            }
        }

        int from = announced.Syntax.Span.End;
        int to = dispose.Syntax.SpanStart;
        return !announced.Topmost().Descendants().Any(each =>
            each is IAwaitOperation or IInvocationOperation or IObjectCreationOperation or IThrowOperation or IReturnOperation
            && each != dispose && !dispose.IsInside(each) && each.Syntax.SpanStart >= from && each.Syntax.Span.End <= to);
    }

    /// <summary>Finds an insert that comes before the announcement in the same function, on one path, with no announcement before itself.</summary>
    private static IInvocationOperation? FindEarlierInsert(IInvocationOperation announcement, INamedTypeSymbol starts, INamedTypeSymbol log)
    {
        IOperation function = FunctionAround(announcement);
        IInvocationOperation[] before =
        [
            .. function.Descendants().OfType<IInvocationOperation>()
                .Where(call => call.Syntax.Span.End <= announcement.Syntax.SpanStart && FunctionAround(call) == function)
                .OrderBy(call => call.Syntax.SpanStart),
        ];
        return before
            .TakeWhile(call => !IsAnnouncement(call, starts))
            .FirstOrDefault(call => call.TargetMethod.Name == KnownTypes.CreateMethod
                && (call.TargetMethod.ContainingType.IsOrDerivesFrom(log) || call.Instance?.Type.IsOrDerivesFrom(log) == true)
                && !AreAlternatives(call, announcement));
    }

    private static IOperation FunctionAround(IOperation operation)
    {
        IOperation each = operation;
        while (each.Parent is { } parent)
        {
            each = parent;
            if (NodeScope.FunctionOf(each) is not null)
            {
                break;
            }
        }

        return each;
    }

    /// <summary>Returns true if two operations are in different branches of one statement, so that only one of them runs.</summary>
    private static bool AreAlternatives(IOperation first, IOperation second)
    {
        IOperation branch = first;
        while (branch.Parent is { } parent)
        {
            if (second.IsInside(parent))
            {
                return parent is IConditionalOperation conditional ? branch != conditional.Condition
                    : parent is ISwitchOperation @switch ? branch != @switch.Value
                    : parent is ISwitchExpressionOperation expression && branch != expression.Value;
            }

            branch = parent;
        }

        return false;
    }
}
