using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SagaRecovery.Analyzers;

/// <summary>Queries on operations that several rules share.</summary>
internal static class Operations
{
    public static IOperation WithoutConversions(this IOperation operation)
    {
        while (true)
        {
            switch (operation)
            {
                case IConversionOperation conversion:
                    operation = conversion.Operand;
                    break;
                case IParenthesizedOperation parenthesized:
                    operation = parenthesized.Operand;
                    break;
                default:
                    return operation;
            }
        }
    }

    /// <summary>The lambda, local function or method that a delegate is made of, or null if a variable holds it or it is null.</summary>
    public static IMethodSymbol? DelegateTarget(this IOperation value) => value.WithoutConversions() switch
    {
        IDelegateCreationOperation creation => creation.Target.DelegateTarget(),
        IAnonymousFunctionOperation lambda => lambda.Symbol,
        IMethodReferenceOperation reference => reference.Method.OriginalDefinition,
        _ => null,
    };

    public static IOperation Topmost(this IOperation operation)
    {
        while (operation.Parent is { } parent)
        {
            operation = parent;
        }

        return operation;
    }

    public static bool IsInside(this IOperation operation, IOperation around)
    {
        for (IOperation? each = operation; each is not null; each = each.Parent)
        {
            if (each == around)
            {
                return true;
            }
        }

        return false;
    }
}
