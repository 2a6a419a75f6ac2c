using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>
/// Tracks a value through one function: the values made from it, the locals that hold it, the calls that receive it, and whether the function
/// returns it. Three things end the way without a use: a call that informs people (logs) or waits, a length of time or a decision that
/// is computed from the value, and code that this function does not contain (fields, parameters).
/// </summary>
internal sealed class ValueFlow(IOperation function, ValueTypes types, ITypeSymbol? sourceType)
{
    private readonly HashSet<ISymbol> _locals = new(SymbolEqualityComparer.Default);

    /// <summary>The first call found that acts on the value.</summary>
    public IInvocationOperation? FirstUse { get; private set; }

    public bool IsReturned { get; private set; }

    /// <summary>Tracks an unstable value, or the variable that it is written into.</summary>
    public void FollowSource(IOperation source)
    {
        if (source is IInvocationOperation { Type.SpecialType: SpecialType.System_Void } call) // Fill(buffer), NextBytes(buffer)
        {
            foreach (IArgumentOperation argument in call.Arguments)
            {
                FollowHolder(argument.Value);
            }

            return;
        }

        Follow(source);
    }

    private void Follow(IOperation value)
    {
        IOperation? each = value;
        while (each is not null)
        {
            each = Next(each);
        }
    }

    /// <summary>Returns the operation that the value becomes part of, or null if its path ends.</summary>
    private IOperation? Next(IOperation value)
    {
        switch (value.Parent)
        {
            case IBinaryOperation binary:
                return types.NamesNothing(binary.Type) || types.IsTime(binary.Type) ? null : binary; // a deadline or an expiry may move
            case IArgumentOperation { Parent: IInvocationOperation call }:
                return NextOfCall(call, value);
            case IArgumentOperation { Parent: IObjectCreationOperation creation }:
                return creation;
            case IInvocationOperation call when call.Instance == value:
                return types.NamesNothing(call.Type) || types.IsTime(call.Type) ? null : call;
            case IMemberReferenceOperation member:
                return types.NamesNothing(member.Type) ? null : member;
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator }:
                FollowLocal(declarator.Symbol);
                return null;
            case ISimpleAssignmentOperation assignment when assignment.Value == value:
                if (assignment.Parent is IObjectOrCollectionInitializerOperation or IAnonymousObjectCreationOperation)
                {
                    return assignment.Parent;
                }

                FollowHolder(assignment.Target);
                return null;
            case IReturnOperation result:
                return NextOfReturn(result);
            case IConditionalOperation conditional:
                return conditional.Condition == value ? null : conditional;
            case ISwitchExpressionArmOperation or IConversionOperation or IParenthesizedOperation or IInterpolationOperation
                or IInterpolatedStringOperation or ITupleOperation or ICollectionExpressionOperation or ISpreadOperation or IArrayCreationOperation
                or IArrayInitializerOperation or IObjectCreationOperation or IObjectOrCollectionInitializerOperation
                or IAnonymousObjectCreationOperation or IWithOperation or ICoalesceOperation or ISwitchExpressionOperation or IAwaitOperation
                or IDelegateCreationOperation or IConditionalAccessOperation:
                return value.Parent;
            default:
                return null;
        }
    }

    private IOperation? NextOfCall(IInvocationOperation call, IOperation value)
    {
        if (types.Wraps(call))
        {
            return call;
        }

        if (types.OnlyTells(call) || ValueTypes.IsHarmless(call) || value.Type is null || types.NamesNothing(value.Type))
        {
            return null;
        }

        bool isTask = types.IsTask(call.Type);
        bool isDropped = call.Type?.SpecialType == SpecialType.System_Void
            || call.Parent is IExpressionStatementOperation or ISimpleAssignmentOperation { Target: IDiscardOperation };
        if (isDropped && !isTask && LocalOf(call.Instance) is { } local) // list.Add(id): the local holds it now
        {
            FollowLocal(local);
            return null;
        }

        if (isDropped || isTask)
        {
            FirstUse ??= call;
        }

        return CanHold(types.ResultOf(call.Type)) ? call : null;
    }

    /// <summary>Returns true if the result of a call may hold the value. A count of rows cannot hold an id.</summary>
    private bool CanHold(ITypeSymbol? result) =>
        !types.NamesNothing(result) && (!IsNumber(result) || IsNumber(sourceType));

    private static bool IsNumber(ITypeSymbol? type) => type?.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_Double;

    private IOperation? NextOfReturn(IReturnOperation result)
    {
        for (IOperation? around = result.Parent; around is not null && around != function; around = around.Parent)
        {
            switch (around)
            {
                case IAnonymousFunctionOperation lambda:
                    return lambda;
                case ILocalFunctionOperation:
                    return null;
            }
        }

        IsReturned = true;
        return null;
    }

    private void FollowHolder(IOperation holder)
    {
        if (LocalOf(holder) is { } local)
        {
            FollowLocal(local);
        }
    }

    private void FollowLocal(ISymbol local)
    {
        if (!_locals.Add(local))
        {
            return;
        }

        foreach (ILocalReferenceOperation reference in function.Descendants().OfType<ILocalReferenceOperation>())
        {
            if (SymbolEqualityComparer.Default.Equals(reference.Local, local))
            {
                Follow(reference);
            }
        }
    }

    /// <summary>The local of this function that an expression is, or is a part of.</summary>
    private static ILocalSymbol? LocalOf(IOperation? expression) => expression?.WithoutConversions() switch
    {
        ILocalReferenceOperation local => local.Local,
        IMemberReferenceOperation { Instance: { } instance } => LocalOf(instance),
        IArrayElementReferenceOperation element => LocalOf(element.ArrayReference),
        IInvocationOperation { Instance: { } instance } => LocalOf(instance), // builder.Append(id).Append(name)
        _ => null,
    };
}
